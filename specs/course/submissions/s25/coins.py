import sys
import urllib.request

with urllib.request.urlopen("http://192.0.2.1/coins.php", sys.stdin.buffer.read(), timeout=1) as answer:
    print(answer.read().decode())
