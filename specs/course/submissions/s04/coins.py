import sys

from change import make_change

coins = list(map(int, input().split()))
for line in sys.stdin:
    if line.strip():
        change = make_change(coins, int(line))
        if change is None:
            print("impossible")
        elif sys.argv[1:] == ["--which"]:
            print(*change)
        else:
            print(len(change))
