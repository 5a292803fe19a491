import sys

coins = [int(word) for word in sys.stdin.readline().split()]
amounts = [int(word) for word in sys.stdin.read().split()]
fewest = [0]
last = [0]
for s in range(1, max(amounts, default=0) + 1):
    best, coin = min(((fewest[s - c], c) for c in coins if c <= s), default=(1e9, 0))
    fewest.append(best + 1)
    last.append(coin)
for amount in amounts:
    if fewest[amount] >= 1e9:
        print("impossible")
    else:
        print(fewest[amount])
