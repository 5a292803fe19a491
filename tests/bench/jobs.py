#!/usr/bin/env python3
"""jobs.py PORT -- what real jobs cost at the service there, on one kept connection: rows as run wants them.

Each pair of things that are compared is done in turns, and of each the median counts.
"""
import base64
import json
import os
import socket
import statistics
import sys
import time

TURNS = int(os.environ.get("BENCH_TURNS", "60"))
MB = 1 << 20
CPP = """#include <bits/stdc++.h>
int main()
{
	long n;
	std::cin >> n;
	std::vector<long> all(1000);
	std::iota(all.begin(), all.end(), n);
	std::cout << std::accumulate(all.begin(), all.end(), 0L) << std::endl;
}
"""


class Service:
    """A connection that stays, and POST /execute over it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def execute(self, body):
        """The result, which is a success, and the seconds it took to come."""
        head = f"POST /execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        began = time.perf_counter()
        self.socket.sendall(head.encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.receive()
        head, _, text = answer.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(text) < length:
            text += self.receive()
        took = time.perf_counter() - began
        result = json.loads(text)
        if not head.startswith(b"HTTP/1.1 200") or not result["success"]:
            sys.exit(f"jobs.py: {text.decode()}")
        return result, took

    def receive(self):
        got = self.socket.recv(65536)
        if not got:
            sys.exit("jobs.py: the service has closed the connection")
        return got


def request(language, code, **more):
    return json.dumps({"language": language, "code": code, **more}).encode()


def bare(argv, wanted):
    """The seconds a program takes from its start to its end, whose output is read."""
    began = time.perf_counter()
    read, write = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_CLOSE, read)]
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
    os.close(write)
    with open(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    took = time.perf_counter() - began
    if said != wanted:
        sys.exit(f"jobs.py: {argv} printed {said}")
    return took


def row(work, figure, unit, must):
    print(f"{work}\t{figure}\t{unit}\t{must}", flush=True)


def hello(service):
    body = request("python", 'print("hello")')
    with open("hello.py", "w", encoding="ascii") as file:
        file.write('print("hello")\n')
    ours, theirs = [], []
    for _ in range(TURNS):
        result, took = service.execute(body)
        assert result["stdout"] == "hello\n", result
        ours.append(took)
        theirs.append(bare(["python3", "hello.py"], b"hello\n"))
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    row("a Python hello by /execute, wall", f"{ours * 1000:.1f}", "ms", "-")
    row("  against bare python3", f"{ours / theirs:.2f}", "times", "<= 1.2")


def files(service):
    content = base64.b64encode(os.urandom(5 * MB)).decode()
    large = request("bash", "wc -c 0 1", input_files=[{"content": content}, {"content": content}])
    small = request("bash", "wc -c /dev/null")
    with_them, without = [], []
    for _ in range(max(TURNS // 4, 5)):
        result, took = service.execute(large)
        assert str(10 * MB) in result["stdout"], result
        with_them.append(took)
        without.append(service.execute(small)[1])
    more = statistics.median(with_them) - statistics.median(without)
    row("10 MB of input files, added to the job", f"{more * 1000:.0f}", "ms", "<= 60")


def compile_once(service):
    compiling = []
    for i in range(5):
        result, took = service.execute(request("cpp", f"{CPP}// {i} {os.getpid()}\n", stdin="1"))
        assert not result["compile"]["cached"], result
        compiling.append(took)
    each = statistics.median(compiling)
    began = time.perf_counter()
    for i in range(200):
        result, _ = service.execute(request("cpp", f"{CPP}// {os.getpid()}\n", stdin=str(i)))
        assert result["stdout"] == f"{1000 * i + 499500}\n" and result["compile"]["cached"] == (i > 0), result
    took = time.perf_counter() - began
    row("200 runs of one C++ source, its compiling too", f"{took:.2f}", "s", "-")
    row("  against compiling it each time", f"{200 * each / took:.0f}", "times as quick", ">= 50")


def main():
    service = Service(int(sys.argv[1]))
    hello(service)
    files(service)
    compile_once(service)


if __name__ == "__main__":
    main()
