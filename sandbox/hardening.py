"""What every box is locked with, apart from the engine's own words. See docs/containment.md."""

import json
from typing import Final

from sandbox.assets import image_dir

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


def capacity(path: str, disk: int) -> int:
    """Bytes that the file system which holds ``path`` grants, of a disk grant of ``disk`` bytes.

    Files with holes in them seem to hold more; nothing else can.
    """
    mount = next(mount for mount in FILE_SYSTEMS if path == mount or path.startswith(f"{mount}/"))
    return int(disk * FILE_SYSTEMS[mount][0]) // 4096 * 4096


def tmpfs(disk: int) -> dict[str, str]:
    """Mount options of each writable file system, for a disk grant of ``disk`` bytes."""
    mounts = {}
    for path, (_, programs) in FILE_SYSTEMS.items():
        size = capacity(path, disk)
        inodes = max(size // _BYTES_PER_INODE, 64)
        run = "exec" if programs else "noexec"
        mounts[path] = f"rw,{run},nosuid,nodev,size={size},nr_inodes={inodes},mode=0755,uid=1000,gid=1000"
    return mounts


def seccomp_profile() -> str:
    """The profile as the engine takes it: inline JSON."""
    profile = json.loads((image_dir() / "seccomp.json").read_text())
    return json.dumps(profile, separators=(",", ":"))
