import sys

lines = sys.stdin.read().split("\n")[:-1]
coins = [int(c) for c in lines[0].split(" ")]
amounts = [int(line) for line in lines[1:]]
t = [0]
for a in range(1, max(amounts) + 1):
    t.append(1 + min([t[a - c] for c in coins if c <= a] + [99999999]))
for a in amounts:
    if t[a] > 9999999:
        print("impossible")
        continue
    if len(sys.argv) == 1:
        print(t[a])
        continue
    while a > 0:
        c = [c for c in coins if c <= a and t[a - c] == t[a] - 1][0]
        print(c, end=" ")
        a -= c
    print()
