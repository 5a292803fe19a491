import sys
from functools import lru_cache

coins = tuple(map(int, input().split()))


@lru_cache(None)
def change(amount):
    if amount == 0:
        return ()
    ways = [change(amount - coin) + (coin,) for coin in coins
            if coin <= amount and change(amount - coin) is not None]
    return min(ways, key=len, default=None)


for line in sys.stdin:
    if not line.strip():
        continue
    way = change(int(line))
    if way is None:
        print("impossible")
    elif sys.argv[1:]:
        print(*way)
    else:
        print(len(way))
