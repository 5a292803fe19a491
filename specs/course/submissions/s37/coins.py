#!/usr/bin/env python3
"""Fewest coins, by breadth-first search."""
import sys
from collections import deque


def search(coins, most):
    by = {0: 0}
    queue = deque([0])
    while queue:
        here = queue.popleft()
        for coin in coins:
            there = here + coin
            if there <= most and there not in by:
                by[there] = coin
                queue.append(there)
    return by


def main():
    coins, *amounts = sys.stdin.read().splitlines()
    coins = [int(c) for c in coins.split()]
    amounts = [int(a) for a in amounts if a.strip()]
    by = search(coins, max(amounts, default=0))
    for amount in amounts:
        change = []
        while amount in by and amount:
            change.append(by[amount])
            amount -= by[amount]
        if amount:
            print("impossible")
        else:
            print(*change if "--which" in sys.argv else [len(change)])


if __name__ == "__main__":
    main()
