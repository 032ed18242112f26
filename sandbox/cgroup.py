"""What a box uses, read from its cgroup by the host: version 1, hybrid and version 2 layouts."""

from dataclasses import dataclass
from pathlib import Path

from sandbox.box import Usage


@dataclass(frozen=True, slots=True)
class _Files:
    """The files behind each number; None where this kernel has none."""

    cpu: Path | None
    memory: Path | None
    memory_peak: Path | None
    memory_events: Path | None
    processes: Path | None
    process_events: Path | None


class CgroupSensor:
    """Reads one box's counters. ``absent`` says why it cannot."""

    def __init__(self, pid: int) -> None:
        """``pid`` is the box's first process as the host sees it."""
        self.absent: str | None = None
        try:
            self._version, self._files = _locate(pid)
            # The canary: a started box has used some CPU time by now.
            if not self.read().cpu_us:
                self.absent = "the CPU counter does not count"
        except OSError as error:
            self.absent = f"{error.filename}: {error.strerror}"

    def read(self) -> Usage:
        """The counters now; a box that is gone or a file that is missing gives None."""
        if self.absent is not None:
            return Usage()
        files = self._files
        if self._version == 1:
            nanoseconds = _number(files.cpu)
            cpu = None if nanoseconds is None else nanoseconds // 1000
        else:
            cpu = _field(files.cpu, "usage_usec")
        return Usage(
            cpu_us=cpu,
            memory=_number(files.memory),
            memory_peak=_number(files.memory_peak),
            processes=_number(files.processes),
            oom_kills=_field(files.memory_events, "oom_kill"),
            refused_processes=_field(files.process_events, "max"),
        )


def groups(pid: int, proc: Path = Path("/proc")) -> tuple[int, dict[str, Path]]:
    """The version that limits a process, and each controller's directory for it; the unified one is ''.

    Args:
        pid: a process as the host sees it.
        proc: where the process file system is mounted.

    Raises:
        OSError: the process is gone, or no control group file system is mounted.
    """
    points = _mounts(proc)
    paths: dict[str, Path] = {}
    for line in (proc / str(pid) / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(",") if controllers else [""]:
            if controller in points:
                paths[controller] = points[controller] / path.lstrip("/")
    if "cpuacct" in paths and "memory" in paths:
        return 1, paths
    if "" not in paths:
        raise FileNotFoundError(2, "no cgroup file system is mounted", "/sys/fs/cgroup")
    return 2, paths


def _locate(pid: int) -> tuple[int, _Files]:
    """The files behind the counters of a process."""
    version, paths = groups(pid)
    if version == 1:
        memory, pids = paths["memory"], paths.get("pids")
        return 1, _Files(
            cpu=paths["cpuacct"] / "cpuacct.usage",
            memory=memory / "memory.usage_in_bytes",
            memory_peak=memory / "memory.max_usage_in_bytes",
            memory_events=memory / "memory.oom_control",
            processes=pids / "pids.current" if pids else None,
            process_events=pids / "pids.events" if pids else None,
        )
    group = paths[""]
    return 2, _Files(
        cpu=group / "cpu.stat",
        memory=group / "memory.current",
        memory_peak=group / "memory.peak",
        memory_events=group / "memory.events",
        processes=group / "pids.current",
        process_events=group / "pids.events",
    )


def _mounts(proc: Path) -> dict[str, Path]:
    """Controller → mount point; the unified hierarchy is ''."""
    found: dict[str, Path] = {}
    for line in (proc / "self/mounts").read_text().splitlines():
        _, point, kind, options, *_ = line.split()
        if kind == "cgroup2":
            found[""] = Path(point)
        elif kind == "cgroup":
            found.update(dict.fromkeys(options.split(","), Path(point)))
    return found


def _number(path: Path | None) -> int | None:
    text = _text(path)
    return int(text) if text is not None and text.strip().isdigit() else None


def _field(path: Path | None, name: str) -> int | None:
    for line in (_text(path) or "").splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdigit():
            return int(value)
    return None


def _text(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text()
    except OSError:
        return None  # the box is gone, or this kernel has no such file
