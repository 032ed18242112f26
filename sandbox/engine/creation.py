"""What a hardened container is created with, in the words of the engine's client. See docs/containment.md."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from posixpath import basename
from typing import Any, Final

from sandbox.box import BoxRequest
from sandbox.engine.hardening import AGENT_VARIABLE, MASKED_PATHS, NAME_FILES, RUNNER_PROCESSES, locks
from sandbox.engine.loosening import MEMORY_DISK, loosened, told
from sandbox.sockets import own_directory, shown_file

LABEL: Final = "tidegauge"
#: Of the host's part, in the engine's own words, what its client has none for.
UNSPOKEN: Final[dict[str, Any]] = {"MaskedPaths": MASKED_PATHS, "CgroupnsMode": "private"}


def locked(request: BoxRequest, runtime: str, control: Path, door: Path | None, agent: int) -> dict[str, Any]:
    """What a container may do and see.

    Args:
        request: what it is made for.
        runtime: name of its container runtime.
        control: the socket that its runner connects to.
        door: where its door binds its socket; the box sees that directory.
        agent: user id of its agent.
    """
    limits = request.limits
    ground = request.ground
    disk = limits.disk if ground is None else min(limits.disk, MEMORY_DISK)
    owner = agent if ground is None else ground.user
    made = {
        **locks(replace(limits, disk=disk), owner),
        "binds": _binds(control, door),
        "mem_limit": limits.memory,
        "memswap_limit": limits.memory,
        "pids_limit": limits.processes + RUNNER_PROCESSES,
        "nano_cpus": int(limits.cpus * 1e9),
        # The engine removes a box whose runner ended, even where its owner is dead.
        "auto_remove": True,
        "runtime": runtime,
    }
    return made if ground is None else loosened(made, ground, limits)


def named(request: BoxRequest, agent: int, idle: float) -> dict[str, Any]:
    """What a container is called and told; it may wait ``idle`` seconds for its work."""
    labels = {
        **request.labels,
        "deadline": str(int(time.time() + idle + request.deadline)),
        "holder": str(own_directory()),
    }
    return {
        "name": request.name,
        "user": "0:0",
        "hostname": "box",
        # The box's own, empty network is the runtime's work alone: the engine's part of it takes as
        # long as all the rest. It would have written NAME_FILES.
        "network_disabled": True,
        "working_dir": "/",
        "environment": {AGENT_VARIABLE: str(agent)},
        "labels": {f"{LABEL}.{key}": value for key, value in labels.items()},
        **({} if request.ground is None else told(request.ground)),
    }


def _binds(control: Path, door: Path | None) -> dict[str, Mapping[str, str]]:
    """What a box sees of the host's files, read-only."""
    seen = {str(control): "/run/control.sock"}
    seen |= {str(shown_file(basename(place), text)): place for place, text in NAME_FILES.items()}
    if door is not None:
        seen[str(door.parent)] = "/run/door"
    return {host: {"bind": place, "mode": "ro"} for host, place in seen.items()}
