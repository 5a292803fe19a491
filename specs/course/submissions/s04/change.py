_known = {0: None}
_ends = [0]


def _step(coins):
    """All sums that take one coin more."""
    global _ends
    ends = []
    for end in _ends:
        for coin in coins:
            if end + coin <= 20000 and end + coin not in _known:
                _known[end + coin] = coin
                ends.append(end + coin)
    _ends = ends


def make_change(coins, amount):
    while amount not in _known and _ends:
        _step(coins)
    if amount not in _known:
        return None
    change = []
    while amount:
        change.append(_known[amount])
        amount -= _known[amount]
    return change
