import sys

coins = input().split()
for line in sys.stdin:
    amount = int(line)
      print(amount // int(coins[0]))
