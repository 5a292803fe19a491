"""What answers in the tests' networks: network.py ADDRESS... -- on port 7777 of each, TCP and UDP, with the
address that was asked and the one that asks; and network.py --dns ADDRESS: a name server, which knows one name."""
import socket
import struct
import sys
import threading

PORT = 7777
PUBLIC = "93.184.216.34"


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bound(kind, address, port):
    s = socket.socket(family(address), kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    return s


def tcp(s, answer):
    s.listen(64)
    while True:
        c, who = s.accept()
        threading.Thread(target=talk, args=(c, who, answer), daemon=True).start()


def talk(c, who, answer):
    try:
        c.sendall(answer(c.recv(2048), who))
        c.close()
    except OSError:
        pass


def udp(s, answer):
    while True:
        data, who = s.recvfrom(2048)
        for i in range(1, 41) if data == b"later" else [0]:
            threading.Timer(i / 4, s.sendto, (answer(data, who), who)).start()


def name_server(query):
    """The answer to a query for A of public.test, else that there is no such name."""
    end = query.index(b"\0", 12) + 5
    known = query[12:end] == b"\6public\4test\0\0\1\0\1"
    head = query[:2] + struct.pack(">HHHHH", 0x8180 if known else 0x8183, 1, known, 0, 0)
    row = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(PUBLIC)
    return head + query[12:end] + (row if known else b"")


def serve(kind, run, address, port, answer):
    threading.Thread(target=run, args=(bound(kind, address, port), answer), daemon=True).start()


def main(args):
    if args[0] == "--dns":
        serve(socket.SOCK_DGRAM, udp, args[1], 53, lambda q, who: name_server(q))
        serve(socket.SOCK_STREAM, tcp, args[1], 53,
              lambda q, who: struct.pack(">H", len(name_server(q[2:]))) + name_server(q[2:]))
    else:
        for a in args:
            for kind, run in (socket.SOCK_STREAM, tcp), (socket.SOCK_DGRAM, udp):
                serve(kind, run, a, PORT, lambda d, who, a=a: f"{a} hears {who[0]}".encode())
    print("listening", flush=True)
    threading.Event().wait()


main(sys.argv[1:])
