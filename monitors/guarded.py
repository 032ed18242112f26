"""Which guarded files a change concerns, and whether who asks for it may."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from monitors.actors import Actors
from sandbox.events import Event

#: The call that gives a file a second name: what is done to one is done to the other.
_ALIAS: Final = "link"


class Change(NamedTuple):
    """A change that somebody asked for: the guarded path, the event of its guard, and whether it is allowed."""

    path: str
    guard: int
    allowed: bool


class Guards:
    """Folds the events of one attempt, for the guards of one role."""

    #: The kinds of events that it takes.
    KINDS: Final = frozenset({*Actors.KINDS, "guard", "file.change"})

    def __init__(self, role: str) -> None:
        self._role = role
        self._actors = Actors()
        #: Path → the path that was guarded, who may change it, and the event that says so.
        self._guards: dict[str, tuple[str, frozenset[str], int]] = {}

    def see(self, event: Event) -> list[Change]:
        """Takes the next event; the changes of guarded paths that it asks for."""
        self._actors.see(event)
        data = event.data
        if event.kind == "guard" and data["role"] == self._role:
            self._guards[data["path"]] = (data["path"], frozenset(data["allow"]), event.seq)
        return list(self._changes(data)) if event.kind == "file.change" else []

    def is_scaffold(self, data: dict[str, Any]) -> bool:
        """Whether the agent's program itself asks, and not a program that it started."""
        nearest = next(self._actors.ancestry(data), None)
        return nearest is not None and nearest.started

    def who(self, data: dict[str, Any]) -> str:
        """The program that asks, as it was started."""
        nearest = next(self._actors.ancestry(data), None)
        return (
            "a process that nobody saw start" if nearest is None else " ".join(nearest.argv) or nearest.path
        )

    def _changes(self, data: dict[str, Any]) -> Iterator[Change]:
        paths = [str(path) for path in (data["path"], data["to"]) if path is not None]
        for known, (guarded, allow, seq) in list(self._guards.items()):
            if any(concerns(path, known) for path in paths):
                if data["call"] == _ALIAS:
                    self._guards[paths[-1]] = (guarded, allow, seq)
                yield Change(guarded, seq, self._is_allowed(data, allow))

    def _is_allowed(self, data: dict[str, Any], allow: frozenset[str]) -> bool:
        ancestry = self._actors.ancestry(data)
        return bool(allow) and any(allow & {one.path, *one.argv[:2]} for one in ancestry)


def concerns(path: str, guarded: str) -> bool:
    """Whether a change of ``path`` is one of what is guarded: it, something in it, or what it lies in."""
    return path == guarded or path.startswith(f"{guarded}/") or guarded.startswith(f"{path}/")
