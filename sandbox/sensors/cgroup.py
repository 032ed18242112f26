"""What a box and its first process use, read by the host: cgroups of version 1, hybrid and of version 2."""

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from sandbox.box import Usage

#: Bytes of a counter's file, the longest being version 1's ``memory.oom_control`` and version 2's ``cpu.stat``.
_MOST: Final = 4_096


class CgroupSensor:
    """Reads one box's counters. ``absent`` says why it cannot."""

    def __init__(self, pid: int) -> None:
        """``pid`` is the box's first process as the host sees it."""
        self.absent: str | None = None
        #: Counter → its file, kept open; this kernel lacks those that are not there.
        self._open: dict[str, int] = {}
        try:
            self._version, files = _locate(pid)
            # Nanoseconds on a processor come first in it.
            files["first"] = f"/proc/{pid}/schedstat"
            for counter, path in files.items():
                with suppress(FileNotFoundError):
                    self._open[counter] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            # The canary: a started box has used some CPU time by now.
            if not self.read().cpu_us:
                self.absent = "the CPU counter does not count"
        except OSError as error:
            self.absent = f"{error.filename}: {error.strerror}"

    def read(self) -> Usage:
        """The counters now; a box that is gone or a file that is missing gives None."""
        if self.absent is not None:
            return Usage()
        if self._version == 1:
            nanoseconds = self._number("cpu")
            cpu = None if nanoseconds is None else nanoseconds // 1000
        else:
            cpu = self._field("cpu", "usage_usec")
        return Usage(
            cpu_us=cpu,
            memory=self._number("memory"),
            memory_peak=self._number("memory_peak"),
            processes=self._number("processes"),
            oom_kills=self._field("memory_events", "oom_kill"),
            refused_processes=self._field("process_events", "max"),
        )

    def first_us(self) -> int | None:
        """Processor microseconds that its first process used; None if that is gone, or the kernel does not count."""
        nanoseconds, _, _ = self._text("first").partition(b" ")
        return int(nanoseconds) // 1000 if nanoseconds.isdigit() else None

    def close(self) -> None:
        """Closes the files; nothing is read any more."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _number(self, counter: str) -> int | None:
        text = self._text(counter).strip()
        return int(text) if text.isdigit() else None

    def _field(self, counter: str, name: str) -> int | None:
        for line in self._text(counter).splitlines():
            key, _, value = line.partition(b" ")
            if key == name.encode() and value.strip().isdigit():
                return int(value)
        return None

    def _text(self, counter: str) -> bytes:
        try:
            return os.pread(self._open[counter], _MOST, 0)
        except (KeyError, OSError):
            return b""  # this kernel has no such file, or the box is gone


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
    with open(f"{proc}/{pid}/cgroup") as file:
        lines = file.read().splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(",") if controllers else [""]:
            if controller in points:
                paths[controller] = points[controller] / path.lstrip("/")
    if "cpuacct" in paths and "memory" in paths:
        return 1, paths
    if "" not in paths:
        raise FileNotFoundError(2, "no cgroup file system is mounted", "/sys/fs/cgroup")
    return 2, paths


def _locate(pid: int) -> tuple[int, dict[str, str]]:
    """The version, and the file behind each counter of a process."""
    version, paths = groups(pid)
    if version == 1:
        memory, pids = paths["memory"], paths.get("pids")
        files = {
            "cpu": f"{paths['cpuacct']}/cpuacct.usage",
            "memory": f"{memory}/memory.usage_in_bytes",
            "memory_peak": f"{memory}/memory.max_usage_in_bytes",
            "memory_events": f"{memory}/memory.oom_control",
        }
        if pids is not None:
            files |= {"processes": f"{pids}/pids.current", "process_events": f"{pids}/pids.events"}
        return 1, files
    group = paths[""]
    return 2, {
        "cpu": f"{group}/cpu.stat",
        "memory": f"{group}/memory.current",
        "memory_peak": f"{group}/memory.peak",
        "memory_events": f"{group}/memory.events",
        "processes": f"{group}/pids.current",
        "process_events": f"{group}/pids.events",
    }


@cache  # where they are mounted stays, and each box would have all of a host's mounts read
def _mounts(proc: Path) -> Mapping[str, Path]:
    """Controller → mount point; the unified hierarchy is ''."""
    found: dict[str, Path] = {}
    for line in (proc / "self/mounts").read_text().splitlines():
        _, point, kind, options, *_ = line.split()
        if kind == "cgroup2":
            found[""] = Path(point)
        elif kind == "cgroup":
            found.update(dict.fromkeys(options.split(","), Path(point)))
    return found
