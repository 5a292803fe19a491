# Fills the disk through every folder that can be written, with bytes or with empty files.
import errno, sys

folders = ["/tmp", "/dev/shm", "/var/tmp"]
total = 0
try:
    for i in range(1_000_000):
        with open(f"{folders[i % 3]}/{i}", "wb", buffering=0) as f:
            total += f.write(b"x" * 65536) if sys.argv[1] == "bytes" else 0
except OSError as e:
    print(errno.errorcode[e.errno], total <= 16 << 20)
