"""The system call filter that every started program of a box inherits, and which calls it tells of.

Only rare calls are told: a call that is told costs some 0.2 ms, so files that are only read are left
alone. What the engine's own profile refuses outright is never seen here, since a refusal outranks a
notification; a notification in turn outranks tracing, which is how the profile refuses what is told here.
"""

import errno
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: Instruction codes, from linux/bpf_common.h.
_LOAD, _EQUAL, _AND, _RETURN = 0x20, 0x15, 0x54, 0x06
#: Actions, from linux/seccomp.h.
_ALLOW, TELL, _REFUSE = 0x7FFF0000, 0x7FC00000, 0x00050000
_NUMBER_OFFSET, _ARCH_OFFSET = 0, 4
_INSTRUCTION: Final = struct.Struct("=HBBI")

_FILE_TYPE, _CHARACTERS, _BLOCKS = 0xF000, 0x2000, 0x6000
_UNIX, _INET, _INET6, _NETLINK, _PACKET = 1, 2, 10, 16, 17
_STREAM, _DATAGRAM, _TYPE = 1, 2, 0xF
#: Of fcntl: F_SETLEASE.
_LEASE = 1024
#: Of clone: namespaces of mounts, control groups, the host name, ipc, users, processes and the network, one bit each.
_NAMESPACES: Final = 0x7E020000
#: Of prctl: PR_SET_SECUREBITS, PR_SET_MM, PR_CAP_AMBIENT. All else it does is every program's own affair.
_SECUREBITS, _MM, _AMBIENT = 28, 35, 47
#: Of seccomp's flags: to be asked about calls in place of whoever is.
_NEW_LISTENER: Final = 8
#: Of the flags of opening a file: write only, both ways, create, truncate. The same on both machines.
TO_CHANGE = 0o1 | 0o2 | 0o100 | 0o1000
#: Of the same: a new file that lies in no directory (__O_TMPFILE).
_NAMELESS = 0o20000000

#: What the host answers with EPERM once it is written down, and this filter where nobody is told; of ``clone`` what
#: would make a namespace. Nothing that runs in a box needs them. The engine's list has them traced, by nobody: with
#: neither filter they fail too (ENOSYS).
REFUSED: Final = frozenset({
    "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "unshare", "clone", "setns", "mount", "umount2",
    "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
    "sethostname", "setdomainname", "settimeofday", "clock_settime", "swapon", "swapoff", "reboot", "acct",
    "quotactl", "quotactl_fd", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load",
    "open_by_handle_at", "iopl", "ioperm", "bpf", "perf_event_open", "userfaultfd", "add_key", "request_key", "keyctl",
})  # fmt: skip

_Code = list[tuple[int, int, int, int]]


@dataclass(frozen=True, slots=True)
class Machine:
    """System call numbers of one kind of processor, whose little-endian kernel calls it ``arch``."""

    arch: int
    #: The call by which a process takes on a filter.
    seccomp: int
    #: Of ``fcntl``, which may take no lease: a file on which there is one reads from outside as if it were not there.
    fcntl: int
    #: Asked for in this order, so what programs call most comes first: opening a file. No other frequent call is
    #: decided by its arguments, and the kernel remembers what it need not ask about.
    numbers: dict[str, int]
    #: Of calls that take what the kernel counts for the engine's own user too where users are remapped: one
    #: box could then use up what the host and all other boxes have.
    shared: tuple[int, ...] = ()


MACHINES: Final = {
    # Shared: inotify_init, inotify_init1.
    "x86_64": Machine(0xC000003E, 317, 72, {
        "openat": 257, "open": 2, "execve": 59, "connect": 42, "sendto": 44, "sendmsg": 46, "sendmmsg": 307, "socket": 41, "clone": 56, "kill": 62, "mknod": 133, "mknodat": 259,
        "ptrace": 101, "setuid": 105, "setgid": 106, "setreuid": 113, "setregid": 114, "setgroups": 116,
        "setresuid": 117, "setresgid": 119, "setfsuid": 122, "setfsgid": 123, "capset": 126, "prctl": 157,
        "openat2": 437, "creat": 85, "truncate": 76, "unlink": 87, "unlinkat": 263,
        "rename": 82, "renameat": 264, "renameat2": 316, "link": 86, "linkat": 265, "symlink": 88,
        "symlinkat": 266, "chmod": 90, "fchmod": 91, "fchmodat": 268, "fchmodat2": 452, "setrlimit": 160, "prlimit64": 302,
        "utime": 132, "utimes": 235, "futimesat": 261, "utimensat": 280,
        "tkill": 200, "tgkill": 234, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "pidfd_open": 434,
        "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_getfd": 438, "unshare": 272, "setns": 308,
        "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "fsopen": 430, "move_mount": 429, "mount_setattr": 442,
        "sethostname": 170, "setdomainname": 171, "settimeofday": 164, "clock_settime": 227, "swapon": 167, "swapoff": 168,
        "reboot": 169, "acct": 163, "init_module": 175, "finit_module": 313, "delete_module": 176, "iopl": 172, "ioperm": 173,
        "open_tree": 428, "fsconfig": 431, "fsmount": 432, "fspick": 433, "quotactl": 179, "quotactl_fd": 443,
        "kexec_load": 246, "kexec_file_load": 320, "open_by_handle_at": 304, "bpf": 321, "perf_event_open": 298,
        "userfaultfd": 323, "add_key": 248, "request_key": 249, "keyctl": 250,
    }, (253, 294)),
    "aarch64": Machine(0xC00000B7, 277, 25, {
        "openat": 56, "execve": 221, "connect": 203, "sendto": 206, "sendmsg": 211, "sendmmsg": 269, "socket": 198, "clone": 220, "kill": 129, "mknodat": 33,
        "ptrace": 117, "setuid": 146, "setgid": 144, "setreuid": 145, "setregid": 143, "setgroups": 159,
        "setresuid": 147, "setresgid": 149, "setfsuid": 151, "setfsgid": 152, "capset": 91, "prctl": 167,
        "openat2": 437, "truncate": 45, "unlinkat": 35, "renameat": 38, "renameat2": 276,
        "linkat": 37, "symlinkat": 36, "fchmod": 52, "fchmodat": 53, "fchmodat2": 452, "setrlimit": 164, "prlimit64": 261, "utimensat": 88,
        "tkill": 130, "tgkill": 131, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "pidfd_open": 434,
        "process_vm_readv": 270, "process_vm_writev": 271, "pidfd_getfd": 438, "unshare": 97, "setns": 268,
        "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "fsopen": 430, "move_mount": 429, "mount_setattr": 442,
        "sethostname": 161, "setdomainname": 162, "settimeofday": 170, "clock_settime": 112, "swapon": 224, "swapoff": 225,
        "reboot": 142, "acct": 89, "init_module": 105, "finit_module": 273, "delete_module": 106,
        "open_tree": 428, "fsconfig": 431, "fsmount": 432, "fspick": 433, "quotactl": 60, "quotactl_fd": 443,
        "kexec_load": 104, "kexec_file_load": 294, "open_by_handle_at": 265, "bpf": 280, "perf_event_open": 241,
        "userfaultfd": 282, "add_key": 217, "request_key": 218, "keyctl": 219,
    }, (26,)),
}  # fmt: skip


def telling_filter(machine: Machine, *, remapped: bool = False) -> bytes:
    """The filter that holds the calls of ``machine.numbers`` until the host has answered each.

    ``remapped``: users are, so that ``machine.shared`` are refused as if nothing were left (EMFILE).
    """
    told = {number: _WHEN.get(name, [_TOLD]) for name, number in machine.numbers.items()}
    return _program(machine, told | _kept(machine, remapped))


def plain_filter(machine: Machine, *, remapped: bool = False) -> bytes:
    """The filter where nobody can be told: what the host would refuse is refused (EPERM)."""
    refused = {number: _refusal(name) for name, number in machine.numbers.items() if name in REFUSED}
    return _program(machine, refused | _kept(machine, remapped))


def _refusal(name: str) -> _Code:
    """Refuses a call where it would be told."""
    refusal = (_RETURN, 0, 0, _REFUSE | errno.EPERM)
    return [refusal if step == _TOLD else step for step in _WHEN.get(name, [_TOLD])]


def is_refused(name: str, arguments: Sequence[int]) -> bool:
    """Whether the host answers a call that it is told of with EPERM; the kernel decides on all others.

    The family of a socket counts as the engine's list compares it, in full width: an answer that lets the call go on
    would outrank that list.
    """
    return name in REFUSED or (name == "socket" and arguments[0] > _PACKET)


def _kept(machine: Machine, remapped: bool) -> dict[int, _Code]:
    """What either filter refuses by itself: leases, and listening. An agent that could answer calls of its own would
    let go on what the engine's list has traced."""
    lease: _Code = [
        (_LOAD, 0, 0, _argument(1)), (_EQUAL, 0, 1, _LEASE), (_RETURN, 0, 0, _REFUSE | errno.EPERM), _ALLOWED,
    ]  # fmt: skip
    listening: _Code = [
        (_LOAD, 0, 0, _argument(1)), (_AND, 0, 0, _NEW_LISTENER), (_EQUAL, 0, 1, _NEW_LISTENER),
        (_RETURN, 0, 0, _REFUSE | errno.EBUSY), _ALLOWED,
    ]  # fmt: skip
    none_left: _Code = [(_RETURN, 0, 0, _REFUSE | errno.EMFILE)]
    left = {number: none_left for number in machine.shared if remapped}
    return {machine.fcntl: lease, machine.seccomp: listening, **left}


def _program(machine: Machine, rules: dict[int, _Code]) -> bytes:
    code: _Code = [
        (_LOAD, 0, 0, _ARCH_OFFSET),
        (_EQUAL, 1, 0, machine.arch),
        (_RETURN, 0, 0, _ALLOW),  # another word size: the engine's profile refuses it
        (_LOAD, 0, 0, _NUMBER_OFFSET),
    ]
    for number, rule in rules.items():
        code += [(_EQUAL, 0, len(rule), number), *rule]
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in code)


def _argument(index: int) -> int:
    """Offset of the low half of an argument in ``struct seccomp_data``."""
    return 16 + 8 * index


_TOLD, _ALLOWED = (_RETURN, 0, 0, TELL), (_RETURN, 0, 0, _ALLOW)


def _unless_null(index: int) -> _Code:
    """Told if a pointer is given."""
    low = _argument(index)
    return [
        (_LOAD, 0, 0, low), (_EQUAL, 0, 3, 0), (_LOAD, 0, 0, low + 4), (_EQUAL, 0, 1, 0), _ALLOWED, _TOLD,
    ]  # fmt: skip


def _if_device(index: int) -> _Code:
    return [
        (_LOAD, 0, 0, _argument(index)), (_AND, 0, 0, _FILE_TYPE),
        (_EQUAL, 1, 0, _CHARACTERS), (_EQUAL, 0, 1, _BLOCKS), _TOLD, _ALLOWED,
    ]  # fmt: skip


def _if_to_change(index: int) -> _Code:
    """Told unless it is only read, or has no name; giving it one is told."""
    flags = (_LOAD, 0, 0, _argument(index))
    return [
        flags, (_AND, 0, 0, _NAMELESS), (_EQUAL, 3, 0, _NAMELESS),
        flags, (_AND, 0, 0, TO_CHANGE), (_EQUAL, 0, 1, 0), _ALLOWED, _TOLD,
    ]  # fmt: skip


#: Calls that reach for a process by its number: told of the runner's, which is 1.
_SIGNALS: Final = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open")
#: When a call is told, by its arguments; each ends with the action. All others always are.
_WHEN: Final[dict[str, _Code]] = {
    "sendto": _unless_null(4),  # without an address it is a `send` on what was connected
    # But for streams and datagrams of the common families, which `connect` tells of, and the one kind of
    # netlink that the engine's profile lets through: lists of interfaces.
    "socket": [
        (_LOAD, 0, 0, _argument(0)), (_EQUAL, 8, 0, _NETLINK),
        (_EQUAL, 2, 0, _UNIX), (_EQUAL, 1, 0, _INET), (_EQUAL, 0, 4, _INET6),
        (_LOAD, 0, 0, _argument(1)), (_AND, 0, 0, _TYPE),
        (_EQUAL, 2, 0, _STREAM), (_EQUAL, 1, 0, _DATAGRAM), _TOLD, _ALLOWED,
    ],
    **{name: [(_LOAD, 0, 0, _argument(0)), (_EQUAL, 0, 1, 1), _TOLD, _ALLOWED] for name in _SIGNALS},
    # For rights, or to show another program than the one that runs.
    "prctl": [
        (_LOAD, 0, 0, _argument(0)),
        (_EQUAL, 2, 0, _SECUREBITS), (_EQUAL, 1, 0, _MM), (_EQUAL, 0, 1, _AMBIENT), _TOLD, _ALLOWED,
    ],
    "clone": [(_LOAD, 0, 0, _argument(0)), (_AND, 0, 0, _NAMESPACES), (_EQUAL, 0, 1, 0), _ALLOWED, _TOLD],
    "mknod": _if_device(1),
    "mknodat": _if_device(2),
    "open": _if_to_change(1),
    "openat": _if_to_change(2),
    "prlimit64": _unless_null(2),  # else it only asks for a limit
}  # fmt: skip
