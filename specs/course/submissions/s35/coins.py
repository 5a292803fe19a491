import sys

coins = [int(word) for word in sys.stdin.readline().split()]
amounts = [int(word) for word in sys.stdin.read().split()]
fewest = [0]
last = [0]
for sum_ in range(1, max(amounts, default=0) + 1):
    best, coin = min(((fewest[sum_ - c], c) for c in coins if c <= sum_), default=(1e9, 0))
    fewest.append(best + 1)
    last.append(coin)
for amount in amounts:
    if fewest[amount] >= 1e9:
        print("impossible")
    elif "--which" not in sys.argv:
        print(fewest[amount])
    else:
        used = []
        while amount:
            used.insert(0, last[amount])
            amount -= last[amount]
        print(*set(used))     # each coin once
