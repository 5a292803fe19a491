# Asks for the world, for the host and for a neighbour; prints what it got.
import errno, socket


def attempt(name, call):
    try:
        call()
        print(name, "open")
    except OSError as e:
        print(name, errno.errorcode.get(e.errno, type(e).__name__))


def tcp(address):
    with socket.socket() as s:
        s.settimeout(2)
        s.connect(address)


def udp(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", address)


attempt("tcp to the world", lambda: tcp(("1.1.1.1", 53)))
attempt("tcp to a private address", lambda: tcp(("10.0.0.1", 80)))
attempt("tcp to metadata", lambda: tcp(("169.254.169.254", 80)))
attempt("tcp to loopback", lambda: tcp(("127.0.0.1", 22)))
attempt("udp to the world", lambda: udp(("1.1.1.1", 53)))
attempt("icmp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP))
attempt("a name", lambda: socket.create_connection(("example.com", 80), 2))
attempt("abstract unix socket", lambda: socket.socket(socket.AF_UNIX).connect("\0attack"))
