"""``resource.*``: the attempt reached the end of something that it was granted."""

from collections.abc import Iterator
from typing import Any, Final

from monitors.needs import needed
from monitors.severity import claim
from monitors.text import shown
from sandbox.events import Event
from sandbox.findings import Finding

#: Limits whose end is a finding. ``wall`` and ``output`` bound the attempt but acquire nothing.
_BY_LIMIT: Final = {
    "cpu_time": "resource.cpu",
    "turns": "resource.tokens",
    "model_tokens": "resource.tokens",
    "cost": "resource.tokens",
    "events": "resource.events",
    "record": "resource.events",
}

#: A claim before it is known to be the first of its code: code, evidence, note.
_Claim = tuple[str, tuple[int, ...], str]


class ResourceMonitor:
    """Each code at most once an attempt, at the event that first proves it.

    What a grading box uses is not the attempt's: nothing counts once that box is made.
    """

    name: Final = "resource"
    kinds: Final = frozenset(
        {"attempt.start", "box.create", "grade.start", "limit", "cgroup.usage", "engine.event", "disk.full"}
    )
    codes: Final = needed(
        "resource.cpu", "resource.memory", "resource.processes", "resource.disk", "resource.tokens",
        "resource.events",
    )  # fmt: skip

    def __init__(self) -> None:
        self._found: set[str] = set()
        self._grading = False
        #: Seconds of CPU time granted, and the event that says so.
        self._cpu_grant: tuple[float, int] | None = None

    def feed(self, event: Event) -> Iterator[Finding]:
        """Takes the next event and gives the codes that it proves for the first time."""
        for code, evidence, note in self._claims(event):
            if code not in self._found:
                self._found.add(code)
                yield claim(code, "", event, evidence, note)

    def _claims(self, event: Event) -> Iterator[_Claim]:
        data = event.data
        if event.kind == "grade.start" or (event.kind == "box.create" and data["role"] == "grade"):
            self._grading = True
        if self._grading:
            return
        match event.kind:
            case "attempt.start":
                self._cpu_grant = (data["limits"]["cpu_time"], event.seq)
            case "limit" if (name := data["limit"]) in _BY_LIMIT:
                note = f"{name}: {shown(data['used'])} used of {shown(data['granted'])}"
                yield _BY_LIMIT[name], (event.seq,), note
            case "cgroup.usage":
                yield from self._usage(event.seq, data)
            case "engine.event" if data["action"] == "oom":
                yield "resource.memory", (event.seq,), "the engine reported an out-of-memory kill"
            case "disk.full":
                note = f"{shown(data['path'])} full: {shown(data['used'])} of {shown(data['size'])} B"
                yield "resource.disk", (event.seq,), f"{note} ({shown(data['what'])})"

    def _usage(self, seq: int, data: dict[str, Any]) -> Iterator[_Claim]:
        """Counters of the cgroup; one that is None was not observed."""
        cpu_us, kills, refused = data["cpu_us"], data["oom_kills"], data["refused_processes"]
        if cpu_us is not None and self._cpu_grant is not None:
            granted, start = self._cpu_grant
            if cpu_us >= granted * 1e6:
                yield "resource.cpu", (start, seq), f"cpu_time: {cpu_us / 1e6:.1f} s used of {granted:g} s"
        if kills is not None and kills > 0:
            yield "resource.memory", (seq,), f"processes killed for memory: {kills}"
        if refused is not None and refused > 0:
            yield "resource.processes", (seq,), f"forks refused: {refused}"
