import sys

coins = [int(x) for x in input().split()]
amounts = [int(x) for x in sys.stdin.read().split()]
most = max(amounts, default=0)
table = {0: []}
reached = [0]
while any(a not in table for a in amounts) and reached:
    further = []
    for a in reached:
        for c in coins:
            if a + c <= most and a + c not in table:
                table[a + c] = table[a] + [c]
                further.append(a + c)
    reached = further
for a in amounts:
    while a == 0:
        pass                # TODO
    if a not in table:
        print("impossible")
    elif "--which" in sys.argv:
        print(*table[a])
    else:
        print(len(table[a]))
