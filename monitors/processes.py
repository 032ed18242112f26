"""Which process of an attempt started which, from its events alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.events import Event

#: The box's first process: the runner, which also becomes the parent of whose parent has ended.
RUNNER: Final = 1


@dataclass(slots=True)
class Process:
    """One process of the agent's, as far as it was told of.

    One that was never told of itself, because it lived shorter than the time between two looks and ran
    no program of its own, is known by its children alone: its ``programs`` are empty.
    """

    #: Its number in the box; another process may have had it before.
    pid: int
    #: When it started, in clock ticks (1/100 s) since the machine did; None: not told.
    started: int | None
    #: The process that started it, as an index into what ``lineage`` gives; None: the runner did, or it is not known.
    parent: int | None
    #: Whether nobody told who started it: its parent had ended by then, or it was never told of itself.
    orphan: bool
    #: What it ran, one after another: arguments, or None where they could not be read.
    programs: list[list[str] | None] = field(default_factory=list)
    #: Microseconds since the attempt began, and the events that told of it.
    first: int = 0
    last: int = 0
    evidence: list[int] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def lineage(events: Iterable[Event]) -> list[Process]:
    """The agent's processes, each after the one that started it.

    ``process.exec`` tells of every program (sensor ``notify``), ``process`` of what lives when the runner
    looks (sensor ``runner``); a grading box's processes are not the agent's and are left out.
    """
    tree = Lineage()
    for event in events:
        tree.feed(event)
    return tree.processes


class Lineage:
    """The same, as a fold: ``processes`` holds what was told so far."""

    def __init__(self) -> None:
        self.processes: list[Process] = []
        #: Number in the box → the process that was last known to have it.
        self._latest: dict[int, int] = {}
        #: Programs that the runner started: not orphans, though the runner is their parent.
        self._begun: set[int] = set()

        self._grading = False

    def feed(self, event: Event) -> None:
        """Takes the next event."""
        self._grading |= event.kind == "box.create" and event.data["role"] == "grade"
        if self._grading:
            return
        if event.kind == "program.start":
            self._begin(event)
        elif event.kind in ("process", "process.exec"):
            self._tell(event)

    def _begin(self, event: Event) -> None:
        """The runner starts a program. What had its number before has ended."""
        self._begun.add(event.data["pid"])
        self._latest.pop(event.data["pid"], None)

    def _tell(self, event: Event) -> None:
        """Takes a ``process`` or ``process.exec``."""
        data = event.data
        index = self._find(data["pid"], data.get("started"))
        if index is None:
            index = self._add(event, data["pid"], data.get("started"), data["ppid"])
        process = self.processes[index]
        process.last = event.t
        process.evidence.append(event.seq)
        # A search along PATH asks for each place, a look at a process tells once more what it runs, and one that
        # is ending has no arguments any more.
        if data["argv"] not in ([""], *process.programs[-1:]):
            process.programs.append(data["argv"])

    def _find(self, pid: int, started: int | None) -> int | None:
        """The process of that number, unless it is known to be an older one."""
        index = self._latest.get(pid)
        if index is None:
            return None
        known = self.processes[index]
        if None not in (known.started, started) and known.started != started:
            return None
        known.started = started if known.started is None else known.started
        return index

    def _add(self, event: Event, pid: int, started: int | None, ppid: int | None) -> int:
        begun = pid in self._begun
        self._begun.discard(pid)
        parent = None
        if ppid not in (None, RUNNER):
            parent = self._latest.get(ppid)
            if parent is None:
                parent = self._append(Process(ppid, None, None, True, first=event.t, last=event.t))
        orphan = parent is None and not begun
        return self._append(Process(pid, started, parent, orphan, first=event.t, last=event.t))

    def _append(self, process: Process) -> int:
        self.processes.append(process)
        self._latest[process.pid] = len(self.processes) - 1
        return len(self.processes) - 1
