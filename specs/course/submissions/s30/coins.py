import sys


def fewest(coins, amount):
    table = [0] + [None] * amount
    for a in range(1, amount + 1):
        for coin in coins:
            if coin <= a and table[a - coin] is not None:
                if table[a] is None or table[a - coin] + 1 < table[a]:
                    table[a] = table[a - coin] + 1
    return table


coins = list(map(int, input().split()))
for line in sys.stdin.read().split():
    amount = int(line)
    table = fewest(coins, amount)
    if table[amount] is None:
        print("impossible")
    elif "--which" not in sys.argv:
        print(table[amount])
    else:
        while amount:
            for coin in coins:
                if coin <= amount and table[amount - coin] == table[amount] - 1:
                    print(coin, end=" ")
                    amount -= coin
                    break
        print()
