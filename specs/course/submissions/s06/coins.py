import sys

# always take the biggest coin
coins = sorted(map(int, input().split()), reverse=True)
for line in sys.stdin.read().split():
    amount = int(line)
    used = []
    for coin in coins:
        times, amount = divmod(amount, coin)
        used += [coin] * times
    if amount:
        print("impossible")
    elif len(sys.argv) > 1:
        print(" ".join(str(coin) for coin in used))
    else:
        print(len(used))
