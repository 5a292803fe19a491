"""Score lists of coins: a line for each amount, right if its coins make the amount, and the better the
fewer they are: its score is the fewest that would do, divided by how many were used."""
import sys

REJECT, ACCEPT = 43, 42


def fewest_table(coins, most):
    table = [0]
    for amount in range(1, most + 1):
        table.append(min((table[amount - c] + 1 for c in coins if c <= amount), default=most + 1))
    return table


def score_line(line, amount, coins, fewest):
    try:
        used = [int(word) for word in line.split()]
    except ValueError:
        return 0, f"not numbers: {line[:40]!r}"
    if any(coin not in coins for coin in used):
        return 0, f"a coin that there is not: {line[:40]}"
    if sum(used) != amount:
        return 0, f"coins that make {sum(used)}"
    return fewest / len(used), f"{len(used)} coins, {fewest} would do"


def main():
    with open(sys.argv[1]) as f:
        coins, *amounts = f.read().splitlines()
    with open(sys.argv[3], encoding="utf-8", errors="replace") as f:
        lines = f.read().splitlines()
    coins = [int(word) for word in coins.split()]
    amounts = [int(word) for word in amounts]
    table = fewest_table(coins, max(amounts))
    if len(lines) != len(amounts):
        print(f"{len(lines)} lines, wanted {len(amounts)}")
        return REJECT
    total = 0
    for line, amount in zip(lines, amounts):
        score, why = score_line(line, amount, coins, table[amount])
        total += score
        if score < 1:
            print(f"{amount}: {why}")
    with open("score.txt", "w") as f:
        print(f"{total / len(amounts):.4f}", file=f)
    return ACCEPT if total else REJECT


sys.exit(main())
