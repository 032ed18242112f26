"""Mounts and namespaces: another view of the file system, or more rights in a namespace of one's own."""

import os

from .kit import Outcome, call, probe, refused, refused_call

_MS_REMOUNT, _MS_BIND = 32, 4096
_NEWNS, _NEWUTS, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x4000000, 0x10000000, 0x20000000, 0x40000000
_AT_FDCWD = -100
_SIGCHLD = 17


@probe("mounts.tmpfs", "mount a file system")
def tmpfs() -> Outcome:
    return refused_call("mount", b"none", b"/work", b"tmpfs", 0, None)


@probe("mounts.proc", "mount a process file system that hides nothing")
def proc() -> Outcome:
    return refused_call("mount", b"proc", b"/work", b"proc", 0, None)


@probe("mounts.bind", "show a directory in another place")
def bind() -> Outcome:
    return refused_call("mount", b"/tmp", b"/work", None, _MS_BIND, None)


@probe("mounts.remount", "make the read-only root writable")
def remount() -> Outcome:
    return refused_call("mount", None, b"/", None, _MS_REMOUNT | _MS_BIND, None)


@probe("mounts.umount", "take a mask away")
def umount() -> Outcome:
    return refused_call("umount2", b"/etc", 0)


@probe("mounts.fsopen", "mount by the new interface")
def fsopen() -> Outcome:
    return refused_call("fsopen", b"tmpfs", 0)


@probe("mounts.fsmount", "mount what was configured")
def fsmount() -> Outcome:
    return refused_call("fsmount", -1, 0, 0)


@probe("mounts.open_tree", "take a copy of a mount")
def open_tree() -> Outcome:
    return refused_call("open_tree", _AT_FDCWD, b"/", 1)


@probe("mounts.move_mount", "move a mount")
def move_mount() -> Outcome:
    return refused_call("move_mount", -1, b"", -1, b"", 0)


@probe("mounts.setattr", "change a mount's flags")
def setattr_() -> Outcome:
    return refused_call("mount_setattr", -1, b"", 0, None, 0)


@probe("mounts.pivot_root", "exchange the root")
def pivot_root() -> Outcome:
    return refused_call("pivot_root", b".", b".")


@probe("mounts.chroot", "enter another root")
def chroot() -> Outcome:
    return refused_call("chroot", b"/")


@probe("namespaces.unshare_user", "a user namespace, in which one has every capability")
def unshare_user() -> Outcome:
    return refused_call("unshare", _NEWUSER)


@probe("namespaces.unshare_mount", "a mount namespace")
def unshare_mount() -> Outcome:
    return refused_call("unshare", _NEWNS)


@probe("namespaces.unshare_net", "a network namespace")
def unshare_net() -> Outcome:
    return refused_call("unshare", _NEWNET)


@probe("namespaces.unshare_pid", "a process namespace")
def unshare_pid() -> Outcome:
    return refused_call("unshare", _NEWPID)


@probe("namespaces.setns", "enter a namespace by its file")
def setns() -> Outcome:
    return refused(lambda: call("setns", os.open("/proc/self/ns/uts", os.O_RDONLY), _NEWUTS))


@probe("namespaces.clone", "a child in a user namespace of its own")
def clone() -> Outcome:
    return refused(lambda: _cloned(_NEWUSER))


def _cloned(flags: int) -> None:
    pid = call("clone", flags | _SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


@probe("namespaces.clone3", "the call whose flags no filter can read")
def clone3() -> Outcome:
    # Told to be absent, so that the C library falls back to clone.
    result, detail = refused_call("clone3", None, 0)
    return ("held", detail) if detail.startswith("ENOSYS") else (result, detail)
