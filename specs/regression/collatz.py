import sys


def steps(n):
    count = 0
    while n != 1:
        n = 3 * n + 1 if n % 2 else n // 2
        count += 1
    return count


starts = [int(line) for line in sys.stdin]
for start in starts:
    print(f"{start}: {steps(start)}")
print("longest from", max(starts, key=steps))
