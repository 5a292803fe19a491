"""Count the words of standard input, the most frequent first."""
import collections
import re
import sys

words = re.findall(r"[a-z']+", sys.stdin.read().lower())
counts = collections.Counter(words)
for word, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
    print(word, n)
