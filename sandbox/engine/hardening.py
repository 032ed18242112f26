"""What every box is locked with, apart from the engine's own words. See docs/containment.md."""

import itertools
import json
import secrets
from functools import cache
from typing import Any, Final

from sandbox.assets import image_dir
from sandbox.limits import Limits

#: Share of the disk grant of each writable file system, and whether programs may run from it.
FILE_SYSTEMS: Final = {
    "/agent": (0.125, True),
    "/task": (0.125, True),
    "/work": (0.5, True),
    "/tmp": (0.125, True),
    "/logs": (0.0625, False),
    "/dev/shm": (0.0625, False),
}
#: Bytes of a file system for each inode that it grants.
_BYTES_PER_INODE: Final = 16_384
#: What the runner needs for its whole life; it drops all of it in every child.
RUNNER_CAPABILITIES: Final = ["SETUID", "SETGID", "SETPCAP", "KILL", "DAC_READ_SEARCH"]
#: Processes of the box that are the runner's own: itself, the forwarder, a writer, a sweeper.
RUNNER_PROCESSES: Final = 4
#: User ids of agents; the image names all of them ``agent``. Below 65536, the size of a remapped range.
AGENT_UIDS: Final = range(20_000, 24_096)
#: Tells the runner which of them is its box's.
AGENT_VARIABLE: Final = "AGENT_UID"
#: Hard limits of every process. What counts for each user (pending signals, locked memory) counts for each
#: box, since its agent is a user of its own.
ULIMITS: Final = {
    "core": 0,
    "nofile": 1024,
    "memlock": 2**16,
    "msgqueue": 0,
    "sigpending": 1024,
    "nice": 0,
    "rtprio": 0,
}
#: The engine's own list, and what tells of the machine without serving a program.
MASKED_PATHS: Final = [
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware",
    "/sys/devices/virtual/powercap",
    "/proc/buddyinfo", "/proc/cmdline", "/proc/config.gz", "/proc/diskstats", "/proc/iomem", "/proc/ioports",
    "/proc/kallsyms", "/proc/kpagecount", "/proc/kpageflags", "/proc/modules", "/proc/pagetypeinfo",
    "/proc/partitions", "/proc/sysvipc", "/proc/vmallocinfo", "/proc/zoneinfo",
    "/sys/block", "/sys/class/block", "/sys/class/dmi", "/sys/class/net", "/sys/dev", "/sys/devices/virtual/dmi",
    "/sys/kernel", "/sys/module",
]  # fmt: skip

#: What a box knows of names, by path: itself; all others are asked of its own loopback.
NAME_FILES: Final = {
    "/etc/hosts": "127.0.0.1\tlocalhost\n127.0.1.1\tbox\n::1\tlocalhost ip6-localhost ip6-loopback\n",
    "/etc/resolv.conf": "nameserver 127.0.0.1\n",
}

#: Where this process's next agent stands in the range: at random between processes, in turn within one.
_TURNS = itertools.count(secrets.randbelow(len(AGENT_UIDS)))


def next_agent() -> int:
    """A user id for the agent of one box.

    The kernel counts inotify watches, pipe buffers and pending signals for each user: boxes that shared one
    could starve each other. Two processes may hit upon the same id, which costs them no more than that.
    """
    return AGENT_UIDS[next(_TURNS) % len(AGENT_UIDS)]


def capacity(path: str, disk: int) -> int:
    """Bytes that the file system which holds ``path`` grants, of a disk grant of ``disk`` bytes.

    Files with holes in them seem to hold more; nothing else can. Elsewhere, on a root that may be written, it is as
    much as /work's.
    """
    holding = (mount for mount in FILE_SYSTEMS if path == mount or path.startswith(f"{mount}/"))
    mount = next(holding, "/work")
    return int(disk * FILE_SYSTEMS[mount][0]) // 4096 * 4096


def tmpfs(disk: int, agent: int) -> dict[str, str]:
    """Mount options of each writable file system, and of the message queues, which nobody may write.

    Args:
        disk: bytes granted to all of them together.
        agent: user id of the owner.
    """
    mounts = {"/dev/mqueue": "ro,noexec,nosuid,nodev,size=4096,nr_inodes=2"}
    for path, (_, programs) in FILE_SYSTEMS.items():
        size = capacity(path, disk)
        inodes = max(size // _BYTES_PER_INODE, 64)
        run = "exec" if programs else "noexec"
        mounts[path] = (
            f"rw,{run},nosuid,nodev,size={size},nr_inodes={inodes},mode=0755,uid={agent},gid={agent}"
        )
    return mounts


@cache
def seccomp_profile() -> str:
    """The profile as the engine takes it: inline JSON."""
    profile = json.loads((image_dir() / "seccomp.json").read_text())
    return json.dumps(profile, separators=(",", ":"))


def locks(limits: Limits, agent: int) -> dict[str, Any]:
    """What a box is made with, whatever it is for, in the words of the engine's client.

    Args:
        limits: its grant; its disk is shared out over the file systems.
        agent: its agent's user id.
    """
    return {
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "cap_add": RUNNER_CAPABILITIES,
        "security_opt": ["no-new-privileges", f"seccomp={seccomp_profile()}"],
        "read_only": True,
        "tmpfs": tmpfs(limits.disk, agent),
        "ulimits": [
            {"name": name, "soft": most, "hard": most}
            for name, most in {**ULIMITS, "fsize": limits.disk}.items()
        ],
        "ipc_mode": "private",
        "log_config": {"type": "none"},
    }
