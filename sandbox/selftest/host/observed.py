"""What the host sees of one open box: the engine's words, its processes, its control groups."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBox
from sandbox.limits import Limits
from sandbox.sensors.cgroup import groups

NAMESPACES: Final = ("net", "mnt", "pid", "ipc", "uts", "cgroup", "user")
_LOOKING_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the box as the host sees it."""

    pid: int
    #: The fields of its status.
    status: Mapping[str, str]
    oom_score_adj: int

    @property
    def uid(self) -> int:
        """Its user on the host."""
        return int(self.status["Uid"].split()[0])

    def capabilities(self, kind: str = "Eff") -> int:
        """The bits of one of its sets: Inh, Prm, Eff, Bnd or Amb."""
        return int(self.status[f"Cap{kind}"], 16)


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the host's checks are judged by."""

    limits: Limits
    #: As the engine's inspection gives it.
    container: Mapping[str, Any]
    owner: str
    runner: Process
    forwarder: Process
    agent: Process
    #: Namespace -> (the box's, the host's); empty where this user may not look.
    namespaces: Mapping[str, tuple[str, str]]
    cgroup_version: int
    #: Name of a limit's file -> its content, of those that exist.
    cgroup: Mapping[str, str]
    #: Lines of the box's mounts.
    mounts: tuple[str, ...]
    #: Lines of the agent's limits.
    rlimits: tuple[str, ...]

    @property
    def host(self) -> Mapping[str, Any]:
        """What the container was asked for."""
        found: Mapping[str, Any] = self.container["HostConfig"]
        return found


_LIMIT_FILES: Final[dict[int, dict[str, tuple[str, ...]]]] = {
    1: {
        "memory": ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
        "pids": ("pids.max",),
        "cpu": ("cpu.cfs_quota_us", "cpu.cfs_period_us"),
    },
    2: {"": ("memory.max", "memory.swap.max", "pids.max", "cpu.max")},
}


async def observe(engine: Engine, box: DockerBox, limits: Limits, owner: str) -> Observed:
    """Looks at a box with a door while a program of the agent's runs in it.

    Raises:
        OSError: the host does not let this user look.
    """
    running = asyncio.create_task(box.run(["sleep", "30"], cwd="/work", env={}, output=100))
    try:
        container = await asyncio.to_thread(engine.inspect, box.container)
        runner = container["State"]["Pid"]
        agent, forwarder = await _children(runner)
        return _looked(limits, container, owner, runner, forwarder, agent)
    finally:
        await box.kill_all()
        await running


async def _children(runner: int) -> tuple[int, int]:
    """The agent's program and the forwarder, both children of the runner."""
    for _ in range(int(_LOOKING_SECONDS / 0.05)):
        names = {}
        for pid in Path(f"/proc/{runner}/task/{runner}/children").read_text().split():
            names[Path(f"/proc/{pid}/comm").read_text().strip()] = int(pid)
        if "sleep" in names and len(names) > 1:
            agent = names.pop("sleep")
            return agent, min(names.values())
        await asyncio.sleep(0.05)
    raise RuntimeError("the agent's program and the forwarder were not both seen")


def _looked(
    limits: Limits, container: Mapping[str, Any], owner: str, runner: int, forwarder: int, agent: int
) -> Observed:
    version, directories = groups(runner)
    cgroup = {}
    for controller, files in _LIMIT_FILES[version].items():
        for name in files:
            path = directories.get(controller, Path("/nonexistent")) / name
            if path.exists():
                cgroup[name] = path.read_text().strip()
    return Observed(
        limits, container, owner, _process(runner), _process(forwarder), _process(agent),
        {name: (_namespace(str(agent), name), _namespace("self", name)) for name in NAMESPACES},
        version, cgroup,
        tuple(Path(f"/proc/{agent}/mounts").read_text().splitlines()),
        tuple(Path(f"/proc/{agent}/limits").read_text().splitlines()),
    )  # fmt: skip


def _namespace(pid: str, name: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/{name}")
    except PermissionError:
        return ""


def _process(pid: int) -> Process:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Process(pid, status, int(Path(f"/proc/{pid}/oom_score_adj").read_text()))
