"""What runs out, and that it runs out for the box alone. Everything taken is given back."""

import ctypes
import errno
import os
import shutil
import tempfile
from collections.abc import Callable

from .kit import Outcome, probe

#: More than any box is granted: whoever reaches it found no bound.
_MOST_BYTES = 128 * 2**20
_MOST_FILES = 20_000


def _bounded(take: Callable[[int], None], most: int, what: str) -> Outcome:
    """Held if ``take`` is refused for want of room before it was called ``most`` times."""
    for count in range(most):
        try:
            take(count)
        except OSError as error:
            if error.errno in (
                errno.ENOSPC,
                errno.EMFILE,
                errno.ENFILE,
                errno.EDQUOT,
                errno.ENOMEM,
                errno.EFBIG,
            ):
                return "held", f"{errno.errorcode[error.errno]} after {count} {what}"
            if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
                return "held", errno.errorcode[error.errno]
            raise
    return "failed", f"no end after {most} {what}"


def _fill(place: str) -> Outcome:
    chunk = bytes(2**20)
    try:
        with tempfile.TemporaryFile(dir=place, buffering=0) as file:
            return _bounded(lambda _: _whole(file.write(chunk), len(chunk)), _MOST_BYTES // len(chunk), "MiB")
    except PermissionError as error:
        return "held", errno.errorcode[error.errno or 0]


def _whole(written: int | None, wanted: int) -> None:
    if written != wanted:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _crowd(place: str) -> Outcome:
    try:
        directory = tempfile.mkdtemp(dir=place)
    except OSError as error:
        return "held", errno.errorcode[error.errno or 0]
    try:
        return _bounded(
            lambda count: os.close(os.open(f"{directory}/{count}", os.O_CREAT | os.O_WRONLY)),
            _MOST_FILES,
            "files",
        )
    finally:
        shutil.rmtree(directory)


def _place(name: str, path: str) -> None:
    probe(f"exhaustion.bytes_{name}", f"fill {path}")(lambda: _fill(path))
    probe(f"exhaustion.inodes_{name}", f"files without number in {path}")(lambda: _crowd(path))


for _name, _path in (
    ("work", "/work"), ("agent", "/agent"), ("task", "/task"), ("tmp", "/tmp"), ("logs", "/logs"), ("shm", "/dev/shm"),
):  # fmt: skip
    _place(_name, _path)


@probe("exhaustion.descriptors", "open files without end")
def descriptors() -> Outcome:
    kept: list[int] = []
    return _bounded(lambda _: kept.append(os.open("/dev/null", os.O_RDONLY)), 5_000, "files")


@probe("exhaustion.sparse", "a file that seems larger than the disk")
def sparse() -> Outcome:
    # SIGXFSZ, which goes with the error, is ignored by Python.
    with tempfile.TemporaryFile(dir="/work") as file:
        return _bounded(lambda _: os.truncate(file.fileno(), 2**40), 1, "tries")


@probe("exhaustion.locked_memory", "memory that cannot be moved away")
def locked_memory() -> Outcome:
    room = ctypes.create_string_buffer(16 * 2**20)
    libc = ctypes.CDLL(None, use_errno=True)

    def lock(_: int) -> None:
        if libc.mlock(room, ctypes.c_size_t(len(room))) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    return _bounded(lock, 1, "tries")


@probe("exhaustion.programs_in_logs", "a program in a place for data")
def programs_in_logs() -> Outcome:
    return _runs_from("/logs")


@probe("exhaustion.programs_in_shm", "a program in shared memory")
def programs_in_shm() -> Outcome:
    return _runs_from("/dev/shm")


def _runs_from(place: str) -> Outcome:
    path = f"{place}/probe"
    try:
        shutil.copyfile("/bin/true", path)
        os.chmod(path, 0o755)
    except OSError as error:
        return "held", errno.errorcode[error.errno or 0]
    try:
        code = os.waitstatus_to_exitcode(os.posix_spawn(path, [path], {}) and os.wait()[1])
    except PermissionError:
        return "held", "EACCES"
    finally:
        os.unlink(path)
    return "failed", f"it ran and gave {code}"
