"""Who the agent is, and whether it can become anybody else."""

import errno
import os
import stat
import struct

from .kit import Outcome, accepted_leak, call, probe, refused

_REMEDY = "run the engine with userns-remap"


def status(field: str) -> str:
    """A field of this process's status."""
    with open("/proc/self/status") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name == field:
                return value.strip()
    return ""


@probe("identity.user", "the agent is a user without rights")
def user() -> Outcome:
    ids = {*os.getresuid(), *os.getresgid(), *os.getgroups()}
    return ("held", f"uid {os.getuid()}") if 0 not in ids and min(ids) >= 1000 else ("failed", str(ids))


@probe("identity.setuid", "become the box's root")
def setuid() -> Outcome:
    return refused(lambda: os.setuid(0))


@probe("identity.setresuid", "become the box's root for a moment")
def setresuid() -> Outcome:
    return refused(lambda: os.setresuid(-1, 0, -1))


@probe("identity.setuid_other", "become the user who holds the door")
def setuid_other() -> Outcome:
    return refused(lambda: os.setresuid(1001, 1001, 1001))


@probe("identity.setgid", "become a member of root's group")
def setgid() -> Outcome:
    return refused(lambda: os.setgid(0))


@probe("identity.setgroups", "join further groups")
def setgroups() -> Outcome:
    return refused(lambda: os.setgroups([0]))


@probe("identity.capset", "take a capability")
def capset() -> Outcome:
    # Version 3, this process; CAP_KILL effective, permitted and inheritable.
    bits = struct.pack("6I", 32, 32, 32, 0, 0, 0)
    return refused(lambda: call("capset", struct.pack("Ii", 0x20080522, 0), bits))


@probe("identity.capabilities", "no capability in any set, the bounding set included")
def capabilities() -> Outcome:
    sets = {name: int(status(name) or "1", 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    left = [name for name, bits in sets.items() if bits]
    return ("failed", f"left: {', '.join(left)}") if left else ("held", "all five are empty")


@probe("identity.no_new_privs", "no program raises its rights")
def no_new_privs() -> Outcome:
    found = status("NoNewPrivs")
    return ("held", "set") if found == "1" else ("failed", f"NoNewPrivs is {found!r}")


@probe("identity.seccomp", "a filter of system calls is in force")
def seccomp() -> Outcome:
    found = status("Seccomp")
    return ("held", "mode 2") if found == "2" else ("failed", f"mode {found!r}")


@probe("identity.setuid_files", "no file gives its user another one's rights")
def setuid_files() -> Outcome:
    found = []
    for directory, _, names in os.walk("/"):
        if directory.startswith(("/proc", "/sys")):
            continue
        for name in names:
            path = os.path.join(directory, name)
            try:
                mode = os.lstat(path).st_mode
            except OSError:
                continue
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                found.append(path)
    return ("failed", ", ".join(found[:5])) if found else ("held", "none")


@probe("identity.file_capabilities", "no program carries capabilities")
def file_capabilities() -> Outcome:
    found = []
    for directory in ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/lib"):
        for name in os.listdir(directory):
            try:
                os.getxattr(os.path.join(directory, name), "security.capability", follow_symlinks=False)
            except OSError as error:
                if error.errno not in (errno.ENODATA, errno.EOPNOTSUPP, errno.ENOENT):
                    found.append(name)
                continue
            found.append(name)
    return ("failed", ", ".join(found[:5])) if found else ("held", "none")


@probe("identity.uid_map", "the box's root is nobody on the host")
def uid_map() -> Outcome:
    with open("/proc/self/uid_map") as file:
        words = file.read().split()
    return accepted_leak(words[:2] == ["0", "0"], "user 0 of the box is user 0 of the host", _REMEDY)


@probe("identity.uid_map_write", "map further users")
def uid_map_write() -> Outcome:
    def write() -> None:
        with open("/proc/self/uid_map", "w") as file:
            file.write("0 0 1")

    return refused(write)
