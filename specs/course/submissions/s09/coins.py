from math import inf
import sys

coins = list(map(int, input().split()))
amounts = list(map(int, sys.stdin.read().split()))
t = [0]
for a in range(1, max(amounts, default=0) + 1):
    t.append(min((t[a - c] for c in coins if a >= c), default=inf) + 1)
if "--which" in sys.argv:
    for a in amounts:
        out = []
        while a > 0:
            c = min((c for c in coins if c <= a), key=lambda c: t[a - c])
            out.append(c)
            a -= c
        print(*out)
else:
    for a in amounts:
        print(t[a])
