import sys

coins = [int(c) for c in input("Coins? ").split()]
amounts = []
while True:
    try:
        word = input("Amount? ").strip()
    except EOFError:
        break
    if word:
        amounts.append(int(word))
t = [0]
for a in range(1, max(amounts, default=0) + 1):
    t.append(min([t[a - c] + 1 for c in coins if c <= a], default=10 ** 6))
for a in amounts:
    print(t[a] if t[a] < 10 ** 6 else "impossible")
