import sys

coins = [int(w) for w in input().split()]
amounts = [int(w) for w in sys.stdin.read().split()]
top = max(amounts, default=0)
INF = 10 ** 9
best = [0] + [INF] * top
for a in range(1, top):     # should be top + 1
    for c in coins:
        if c <= a and best[a - c] + 1 < best[a]:
            best[a] = best[a - c] + 1
for a in amounts:
    print(best[a] if best[a] < INF else "impossible")
