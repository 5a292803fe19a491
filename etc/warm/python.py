# What Python does where it is held (warm/warm.h): fork for each job, and in the fork take over the
# job's arguments and environment, leaving nothing behind.
import sys

at_start = frozenset(sys.modules)
import gc, os, posix
from _weakref import ReferenceType

for name in sys.modules.keys() - at_start:
    del sys.modules[name]

# Extensions of Python's own that leave nothing to do at the end. The rest may, as databases do.
QUIET = frozenset(
    "_bisect _blake2 _bz2 _codecs _contextvars _csv _datetime _decimal _functools _hashlib _heapq "
    "_json _lzma _md5 _multibytecodec _opcode _operator _pickle _posixsubprocess _queue _random _sha1 "
    "_sha2 _sha256 _sha3 _sha512 _statistics _struct _typing _uuid _zoneinfo array binascii cmath "
    "fcntl grp math mmap resource select unicodedata zlib".split()
)


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
    os.environb.update(own_env)
    # it was found out while there was no source, which might have been a link
    sys.path[0] = os.path.dirname(os.path.realpath(sys.argv[0]))


def is_loud(module):
    """Whether it may have something to do when it goes."""
    names = type(module) is type(sys) and module.__dict__
    return bool(names and str(names.get("__file__")).endswith(".so")) and names["__name__"] not in QUIET


def is_visible(kind):
    """Whether anybody can tell that an object of that type goes: it has a finalizer."""
    return any("__del__" in type.__dict__["__dict__"].__get__(base) for base in type.mro(kind))


def tells(callback):
    """Whether a weak reference's callback may do something; those of abstract classes tidy up."""
    own = type(callback) is type(len) and callback.__name__ == "_destroy"
    return callback is not None and not (own and type(callback.__self__) is ReferenceType)


def goes_unseen():
    """Whether nobody could tell if all that the program made were taken apart now, or not at all."""
    if "gc" in sys.modules or len(sys._current_frames()) > 1:
        return False
    for name in sys.modules.keys() - at_start:
        if is_loud(sys.modules[name]):
            return False
    made = gc.get_objects()
    kinds = set(map(type, made))
    if any(map(is_visible, kinds)):
        return False
    refs = {kind for kind in kinds if issubclass(kind, ReferenceType)}
    return not refs or not any(type(o) in refs and tells(o.__callback__) for o in made)


def begin(path):
    """The names of the program, which it finds as Python's own main would have made them."""
    names = sys.modules["__main__"].__dict__
    names["__file__"], names["__cached__"] = path, None
    loaders = sys.modules["_frozen_importlib_external"]
    names["__loader__"] = loaders.SourceFileLoader("__main__", path)
    return names


def forget_file():
    names = sys.modules["__main__"].__dict__
    names.pop("__file__", None)
    names.pop("__cached__", None)


def flush():
    for file in (sys.stderr, sys.stdout):
        try:
            file.flush()
        except BaseException:
            pass


def ended(code):
    """The program has, with that exit status.

    To take an interpreter apart takes three times what a small program does, and is mostly to no
    avail. What can be seen of it happens here; if that is not all, we return to where all is done."""
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()
    if "atexit" in sys.modules:
        sys.modules["atexit"]._run_exitfuncs()
    if not goes_unseen():
        return
    try:
        for file in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            if file is not None and not file.closed:
                file.flush()
    except BaseException:
        return  # and it fails again there, where it is told
    os._exit(code & 0xFF)


def exits(exception):
    """By SystemExit: what is not a number is to be told first, by Python."""
    code = exception.code
    if code is None or isinstance(code, int):
        code = code or 0
        ended(code if abs(code) >> 63 == 0 else -1)  # as a C long is
    thaw()


def thaw():
    """Back to where the collector looks, unless the program itself has frozen them."""
    if gc.get_freeze_count() <= frozen:  # some may have gone
        gc.unfreeze()


with open("/proc/self/environ", "rb") as file:
    given = {line.partition(b"=")[0] for line in file.read().split(b"\0")}
# what Python has set itself, such as LC_CTYPE
own_env = {name: value for name, value in os.environb.items() if name not in given}
gc.freeze()
frozen = gc.get_freeze_count()
while os.fork():
    pass
take_over(1000)
