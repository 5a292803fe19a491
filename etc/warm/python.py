# What Python does where it is held (warm/warm.h): fork for each job, and in the fork take over the
# job's arguments and environment, leaving nothing behind.
import os, posix, sys


def take_over(fd):
    at = os.lseek(fd, 0, os.SEEK_CUR)
    text = os.pread(fd, os.fstat(fd).st_size, 0)
    os.close(fd)
    extra = text[:at].split(b"\0")[len(sys.orig_argv) : -1]
    extra = [os.fsdecode(arg) for arg in extra]
    sys.orig_argv += extra
    sys.argv += extra
    os.environ.clear()
    posix.environ.clear()
    for line in text[at:].split(b"\0")[:-1]:
        name, _, value = line.partition(b"=")
        os.environb[name] = posix.environ[name] = value
    # it was found out while there was no source, which might have been a link
    sys.path[0] = os.path.dirname(os.path.realpath(sys.argv[0]))


while os.fork():
    pass
take_over(1000)
del os, posix, sys, take_over
