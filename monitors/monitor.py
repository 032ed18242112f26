"""What every monitor is: a pure fold from the events of one attempt to findings."""

from collections.abc import Iterable, Mapping, Set
from typing import Protocol

from sandbox.events import Event
from sandbox.findings import Finding


class Monitor(Protocol):
    """Watches one attempt. It keeps state of its own, and reads nothing but the events it is fed and,
    where it needs them, the contents that they name by digest (``monitors.contents``).

    The same events give the same findings, live or from a stored log, so a monitor uses no clock,
    no randomness and no other file. If it raises, the watcher reports ``monitor.error`` and feeds it no
    more.
    """

    @property
    def name(self) -> str:
        """A short stable name, shown when the monitor fails."""
        ...

    @property
    def kinds(self) -> Set[str]:
        """The kinds of events that it reads: it is fed no others."""
        ...

    @property
    def codes(self) -> Mapping[str, tuple[str, ...]]:
        """The finding codes that it reports, each with the sensors it cannot be seen without."""
        ...

    def feed(self, event: Event) -> Iterable[Finding]:
        """Takes the next event of its kinds, in order of ``seq``, and gives the findings that it completes."""
        ...
