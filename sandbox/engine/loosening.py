"""What the container of a box is created with that stands on somebody else's image. See docs/containment.md."""

import os
from pathlib import Path
from typing import Any, Final

from sandbox.engine.hardening import RUNNER_CAPABILITIES
from sandbox.ground import ENTRYPOINT, TOOLS, Ground
from sandbox.limits import Limits
from sandbox.sockets import shown_file

#: What an agent that is root may do besides what the runner may: the runner drops all others in it.
ROOT_CAPABILITIES: Final = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "NET_BIND_SERVICE")
#: Bytes of the disk grant of which the box's file systems in memory are shares, as elsewhere of the limit.
MEMORY_DISK: Final = 256 * 2**20
#: The file systems in memory; everything else lies on the overlay.
IN_MEMORY: Final = ("/agent", "/task", "/dev/shm", "/dev/mqueue")
#: Files that the box's root may not write. The first is read by the loader of every program, the runner's too, and a
#: snapshot may hold one of the agent's making; the engine's own of the second lies outside of the disk's budget.
_HELD: Final = {"/etc/ld.so.preload": "", "/etc/hostname": "box\n"}
#: The forwarder's user: none of an image's own.
_DOOR_USER: Final = 64_999


def loosened(locked: dict[str, Any], ground: Ground, limits: Limits) -> dict[str, Any]:
    """What a container on ``ground`` may do and see.

    Args:
        locked: what one on the episode image may, as ``creation.locked`` made it.
        ground: what it stands on.
        limits: its grant; one file may not pass its disk.
    """
    capabilities = [*RUNNER_CAPABILITIES, *(ROOT_CAPABILITIES if ground.user == 0 else ())]
    ulimits = [limit for limit in locked["ulimits"] if limit["name"] != "fsize"]
    return {
        **locked,
        "read_only": False,
        # A task may ask for more than there are, and the engine refuses that.
        "nano_cpus": int(min(limits.cpus, os.cpu_count() or 1) * 1e9),
        "cap_add": capabilities,
        "tmpfs": {path: options for path, options in locked["tmpfs"].items() if path in IN_MEMORY},
        "ulimits": [*ulimits, {"name": "fsize", "soft": limits.disk, "hard": limits.disk}],
        "binds": {
            **locked["binds"],
            ground.tools: {"bind": TOOLS, "mode": "ro,nocopy"},
            **{
                str(shown_file(Path(place).name, text)): {"bind": place, "mode": "ro"}
                for place, text in _HELD.items()
            },
        },
    }


def told(ground: Ground) -> dict[str, Any]:
    """What such a container is started with, in the words of the engine's client."""
    return {
        "entrypoint": list(ENTRYPOINT),
        # One of the image's would run as process 1 does, from files that the agent may have written.
        "healthcheck": {"test": ["NONE"]},
        "environment": {
            "AGENT_UID": str(ground.user),
            "AGENT_GID": str(ground.group),
            "DOOR_UID": str(_DOOR_USER),
            # Whatever the image says: nobody's library goes into the runner.
            "LD_PRELOAD": "",
            "LD_AUDIT": "",
        },
    }
