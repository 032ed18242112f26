"""What is written down of one box's held calls, bounded and counted."""

from collections import Counter, deque
from collections.abc import Collection
from typing import Final

from sandbox.box import Seen
from sandbox.sensors.calls import Told, parent_of, tell
from sandbox.sensors.paths import is_guarded, is_ordinary
from sandbox.sensors.proc import Numbers
from sandbox.sensors.programs import program
from sandbox.sensors.readings import Readings
from sandbox.sensors.seccomp import Held, is_held

#: Events of one box; more are counted as lost.
MAX_EVENTS: Final = 10_000
#: Different things of the kinds that are told by their first call, then by every doubling.
MAX_DIFFERENT: Final = 1_000


class Notes:
    """Of one box. Written by the thread that answers its calls; taken by any."""

    def __init__(self, *, open_root: bool) -> None:
        """``open_root``: the box stands on a root that its agent may write to, where most changes of files are
        ordinary."""
        self._open_root = open_root
        self._found: deque[Seen] = deque()
        self._told = 0
        self._counts: Counter[tuple[object, ...]] = Counter()
        #: Of the box's processes; None until the first of them calls.
        self._numbers: Numbers | None = None
        #: Calls that were let through without being written down.
        self.lost = 0
        #: Paths of the box whose change is told wherever they lie.
        self.guarded: tuple[str, ...] = ()
        #: Of those, the files that are read meanwhile.
        self.readings = Readings()

    def __bool__(self) -> bool:
        """Whether there is anything to take."""
        return bool(self._found)

    def take(self) -> list[Seen]:
        """What was seen and not taken yet, in order."""
        return [self._found.popleft() for _ in range(len(self._found))]

    def start_over(self) -> list[Seen]:
        """Takes what was seen, and counts from the beginning."""
        self._counts.clear()
        self._told = 0
        return self.take()

    def close(self) -> None:
        """Nothing will be written any more."""
        if self._numbers is not None:
            self._numbers.close()

    def write(self, descriptor: int, held: Held, name: str) -> None:
        """Looks at a call of that name, held at ``descriptor``, and writes it down if it tells anything.

        Raises:
            OSError: nobody can look at its caller.
        """
        if self._numbers is None:
            self._numbers = Numbers(held.caller)
        try:
            if name == "execve":
                self._keep_program(descriptor, held, self._numbers)
            elif (told := tell(name, held, self._numbers, self.guarded)) is not None:
                self._keep(descriptor, held, told, self._numbers)
        except (FileNotFoundError, ProcessLookupError):
            # A caller that was ended before its call was let through has never made it.
            self.lost += is_held(descriptor, held)

    def _keep_program(self, descriptor: int, held: Held, numbers: Numbers) -> None:
        data = program(held, numbers)
        if not is_held(descriptor, held):
            return
        for seen in self.readings.before_program(held.caller):
            self._add(seen)
        self._add(Seen("process.exec", data))

    def _keep(self, descriptor: int, held: Held, told: Told, numbers: Numbers) -> None:
        if (self._open_root and _is_everyday(told, self.guarded)) or not is_held(descriptor, held):
            return
        if told.key not in self._counts and len(self._counts) >= MAX_DIFFERENT:
            self.lost += 1
            return
        count = self._counts[told.key] = self._counts[told.key] + 1
        due = not count & (count - 1)
        for seen in self.readings.before_change(told, held.caller, due=due):
            self._add(seen)
        if due:
            parent = {"ppid": parent_of(held, numbers)} if told.lacks_parent else {}
            self._add(Seen(told.kind, {**told.data, "count": count, **parent}))

    def _add(self, seen: Seen) -> None:
        if self._told >= MAX_EVENTS:
            self.lost += 1
            return
        self._told += 1
        self._found.append(seen)


def _is_everyday(told: Told, guarded: Collection[str]) -> bool:
    """Whether it tells of a change of files that are ordinary where the root may be written."""
    if told.kind != "file.change":
        return False
    paths = [path for path in (told.data["path"], told.data["to"]) if path is not None]
    return all(is_ordinary(path) and not is_guarded(path, guarded) for path in paths)
