"""Which program a process of the box is: what it last asked to become, or its parent did."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from sandbox.events import Event

#: Generations that are looked back, and programs of one process.
_DEPTH: Final = 32
_PROGRAMS: Final = 8


class Program(NamedTuple):
    """A program as it was asked for."""

    path: str
    argv: tuple[str, ...]
    #: Whether the runner started it as the agent's program.
    started: bool


class Actors:
    """Folds the events of one attempt; process numbers are the box's."""

    #: The kinds of events that it takes.
    KINDS: Final = frozenset({"program.start", "process.exec"})

    def __init__(self) -> None:
        self._started: set[int] = set()
        #: What was told of the programs that a process asked for, the newest last.
        self._programs: dict[int, list[dict[str, Any]]] = {}
        self._parents: dict[int, int] = {}
        #: What each started program was asked for as: only that is the agent's program itself.
        self._commands: dict[int, tuple[str, ...]] = {}

    def see(self, event: Event) -> None:
        """Takes the next event."""
        data = event.data
        if event.kind == "process.exec":
            self._programs[data["pid"]] = [*_still(self._programs.get(data["pid"], []), data), data]
            if data["ppid"] is not None:
                self._parents[data["pid"]] = data["ppid"]
        elif event.kind == "program.start":
            self._started.add(data["pid"])
            self._commands[data["pid"]] = tuple(data["argv"])

    def ancestry(self, data: Mapping[str, int | None]) -> Iterator[Program]:
        """The programs of the process ``data["pid"]`` and of those that it comes from, nearest first.

        A process that asked for no program is what its parent is; one that asked for several was each of them.
        """
        pid, parent = data["pid"], data["ppid"]
        for _ in range(_DEPTH):
            if pid is None:
                return
            if pid in self._programs:
                for told in reversed(self._programs[pid]):
                    argv = tuple(map(str, told["argv"] or ()))
                    yield Program(str(told["path"]), argv, self._is_agent(pid, argv))
            elif pid in self._started:
                yield Program("", self._commands[pid], True)
            pid, parent = parent if parent is not None else self._parents.get(pid), None

    def _is_agent(self, pid: int, argv: tuple[str, ...]) -> bool:
        return pid in self._started and argv == self._commands[pid]


def _still(programs: list[dict[str, Any]], now: dict[str, Any]) -> list[dict[str, Any]]:
    """Of what was told of a process's number, what is of the process that asks ``now``; a search along PATH asks
    for the same in several places, of which the last counts."""
    own = [told for told in programs if told.get("started") == now.get("started")]
    if own and own[-1]["argv"] == now["argv"]:
        own.pop()
    return own[1 - _PROGRAMS :]
