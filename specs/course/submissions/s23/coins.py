import sys

coins = list(map(int, input().split()))
table = [[0] * 100000000 for coin in coins]      # one row per coin, "to be safe"
for line in sys.stdin:
    print(table[0][int(line)])
