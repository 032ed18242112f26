"""Becoming somebody with no rights, for good.

Runs in the box as a forked child of process 1, before anything of the agent's does.
"""

import ctypes
import os
import resource
import struct

#: The host chooses the agent's user for each box, and makes it the owner of what it may write.
AGENT = int(os.environ.get("AGENT_UID", "20000"))
GROUP = int(os.environ.get("AGENT_GID", str(AGENT)))
DOOR = int(os.environ.get("DOOR_UID", "1001"))
#: Whether the agent is the box's root, as where the image of somebody else's task says so.
ROOTED = AGENT == 0

_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_DUMPABLE = 4
_LAST_CAPABILITY = 63
#: What an agent that is root may do with files, users, its own processes and low ports: CHOWN, DAC_OVERRIDE, FOWNER,
#: FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE. Process 1 has more than these, so the kernel lets none of them
#: attach to it.
_ROOT_CAPABILITIES = frozenset({0, 1, 3, 4, 5, 6, 7, 10})
_CAPABILITY_VERSION = 0x20080522
_LIBC = ctypes.CDLL(None, use_errno=True)


def become(user: int, limits: dict[str, int] | None = None) -> None:
    """Turns this process into ``user`` with every capability gone, the bounding set included; an agent that is
    root keeps ``_ROOT_CAPABILITIES``.

    ``limits``: RLIMIT names (without prefix, lower case) to hard limits. The memory killer is told
    first, while it can still be, to prefer the agent's processes to process 1 and the forwarder.
    """
    if user == AGENT:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")
    for name, value in (limits or {}).items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (value, value))
    kept = _ROOT_CAPABILITIES if user == 0 else frozenset()
    for capability in range(_LAST_CAPABILITY + 1):
        if capability in kept:
            continue
        # Past the kernel's last capability prctl answers EINVAL: there is nothing left to drop.
        if _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.setgroups([])
    group = GROUP if user == AGENT else user
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    if user == 0:
        _keep(kept)
    os.setsid()
    os.umask(0o022)
    # The change of user made this process undumpable, and it must stay so until it runs another
    # program: it still holds process 1's descriptors, and same-user processes could write its memory.


def _keep(capabilities: frozenset[int]) -> None:
    """Drops all other capabilities; a root that stays root loses none by itself, and stays readable for its like."""
    # First: from the moment that it has no more than they have, they could take process 1's descriptors from it.
    _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    mask = sum(1 << capability for capability in capabilities)
    header = struct.pack("Ii", _CAPABILITY_VERSION, 0)
    if _LIBC.capset(header, struct.pack("6I", mask, mask, 0, 0, 0, 0)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def in_child(user: int, work, limits: dict[str, int] | None = None) -> int:
    """Forks a child that becomes ``user``, calls ``work()`` and ends; returns its pid.

    The child's exit code is 0, or 1 where ``work`` raised.
    """
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        become(user, limits)
        work()
        code = 0
    except BaseException as error:
        os.write(2, f"runner child: {error}\n".encode())
    finally:
        os._exit(code)
