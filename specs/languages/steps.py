limit = int(input())
total = 0
for start in range(1, limit + 1):
    n, steps = start, 0
    while n != 1:
        n = 3 * n + 1 if n % 2 else n // 2
        steps += 1
    print(start, steps)
    total += steps
print("total", total)
