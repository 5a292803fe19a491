import std/strutils

proc steps(start: int): int =
  var n = start
  while n != 1:
    n = if n mod 2 == 1: 3 * n + 1 else: n div 2
    inc result

var total = 0
for start in 1 .. stdin.readLine().parseInt():
  echo start, " ", steps(start)
  total += steps(start)
echo "total ", total
