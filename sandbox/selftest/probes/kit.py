"""What a probe is, how its attempt becomes a result, and system calls without the C library's help."""

import ctypes
import errno
import os
import platform
from collections.abc import Callable

#: A result and its reason.
Outcome = tuple[str, str]
#: What a refusal looks like.
REFUSED = frozenset({errno.EPERM, errno.EACCES, errno.EROFS})
#: What a kernel says of something that it was built without.
ABSENT = frozenset({
    errno.ENOSYS, errno.ENODEV, errno.ENXIO, errno.EOPNOTSUPP, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT,
    errno.ESOCKTNOSUPPORT,
})  # fmt: skip

#: Name -> number on x86-64 and on arm64, -1 where there is none.
_NUMBERS = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280), "capset": (126, 91),
    "chroot": (161, 51), "clock_settime": (227, 112), "clone": (56, 220), "clone3": (435, 435),
    "delete_module": (176, 106), "execveat": (322, 281), "fanotify_init": (300, 262),
    "finit_module": (313, 273), "fsmount": (432, 432), "fsopen": (430, 430), "init_module": (175, 105),
    "io_uring_setup": (425, 425), "ioperm": (173, -1), "iopl": (172, -1), "kcmp": (312, 272),
    "kexec_file_load": (320, 294), "kexec_load": (246, 104), "keyctl": (250, 219),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "modify_ldt": (154, -1), "mount": (165, 40),
    "mount_setattr": (442, 442), "move_mount": (429, 429), "move_pages": (279, 239), "mq_open": (240, 180),
    "msgget": (68, 186), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "open_tree": (428, 428), "perf_event_open": (298, 241), "personality": (135, 92),
    "pidfd_getfd": (438, 438), "pidfd_open": (434, 434), "pivot_root": (155, 41),
    "process_madvise": (440, 440), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "ptrace": (101, 117), "quotactl": (179, 60), "reboot": (169, 142), "request_key": (249, 218),
    "sched_setscheduler": (144, 119), "semget": (64, 190), "setdomainname": (171, 162),
    "sethostname": (170, 161), "setns": (308, 268), "settimeofday": (164, 170), "shmget": (29, 194),
    "swapoff": (168, 225), "swapon": (167, 224), "syslog": (103, 116), "umount2": (166, 39),
    "unshare": (272, 97), "userfaultfd": (323, 282), "vhangup": (153, 58), "vmsplice": (278, 75),
}  # fmt: skip
_COLUMN = {"x86_64": 0, "aarch64": 1}.get(platform.machine())
_LIBC = ctypes.CDLL(None, use_errno=True)


class Untestable(Exception):
    """The attempt cannot be made here; its text says why."""


class Probe:
    """One attempt: its name ``kind.what``, what it tries, and the function that tries it."""

    def __init__(self, name: str, meaning: str, attempt: Callable[[], Outcome]) -> None:
        self.name, self.meaning, self.attempt = name, meaning, attempt


#: All probes, in the order of their definition.
PROBES: list[Probe] = []


def probe(name: str, meaning: str) -> Callable[[Callable[[], Outcome]], Callable[[], Outcome]]:
    """Makes a probe of a function."""

    def register(attempt: Callable[[], Outcome]) -> Callable[[], Outcome]:
        PROBES.append(Probe(name, meaning, attempt))
        return attempt

    return register


def call(name: str, *arguments: object) -> int:
    """A system call by its name.

    Raises:
        OSError: it failed.
        Untestable: this machine has no such call, or its number is not known here.
    """
    number = -1 if _COLUMN is None else _NUMBERS[name][_COLUMN]
    if number < 0:
        raise Untestable(f"{name} has no known number on {platform.machine()}")
    return raw_call(number, *arguments)


def raw_call(number: int, *arguments: object) -> int:
    """A system call by its number; integers are passed in full width."""
    wide = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    result: int = _LIBC.syscall(ctypes.c_long(number), *wide)
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def refused(attempt: Callable[[], object], *also: int) -> Outcome:
    """Held if the attempt is refused: by a refusal's usual errors or those in ``also``.

    Any other error says that the kernel took the attempt up and only then found fault with it.
    """
    try:
        attempt()
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, str(error))
        if error.errno in REFUSED or error.errno in also:
            return "held", name
        if error.errno in ABSENT:
            return "untestable", f"{name}: this kernel does not offer it"
        return "failed", f"{name}: it was taken up by the kernel"
    return "failed", "it was granted"


def refused_call(name: str, *arguments: object) -> Outcome:
    """``refused`` of one system call."""
    return refused(lambda: call(name, *arguments))


def missing(path: str) -> Outcome:
    """A file that is not there: the kernel lacks it where its directory shows others, else it is hidden."""
    parent = os.path.dirname(path)
    if path.startswith(("/proc/", "/sys/")) and os.path.isdir(parent) and os.listdir(parent):
        return "untestable", "ENOENT: this kernel has no such file"
    return "held", "it is not there"


def unreadable(path: str) -> Outcome:
    """Held if a file gives nothing: it is hidden, refused, or empty."""
    try:
        with open(path, "rb") as file:
            content = file.read(4_096)
    except FileNotFoundError:
        return missing(path)
    except OSError as error:
        return "held", errno.errorcode.get(error.errno or 0, str(error))
    return ("failed", f"{len(content)} bytes were read") if content.strip(b"\0\n ") else ("held", "empty")


def unopened(path: str, flags: int = os.O_WRONLY) -> Outcome:
    """Held if a file cannot be opened, for writing if not told otherwise; nothing is written."""
    try:
        os.close(os.open(path, flags, 0o600))
    except FileNotFoundError:
        return missing(path)
    except OSError as error:
        return "held", errno.errorcode.get(error.errno or 0, str(error))
    return "failed", "it could be opened"


def accepted_leak(seen: bool, detail: str, remedy: str) -> Outcome:
    """Accepted where the named information can be seen, held where it cannot."""
    return ("accepted", f"{detail}; {remedy}") if seen else ("held", "it does not show")
