"""From a finding down to the event that proves it, and up to the agent's command that led there.

All of it is read from the attempt's stored log; everything shown is bounded and of printable
characters, and still has to be escaped by what shows it.
"""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from experiments.record.records import FindingRecord, LedgerLine
from experiments.reporting.exhibits import events_file
from experiments.reporting.trail_diff import FileDiff, scaffold_diff
from experiments.text import lines_of, plain
from monitors.manifests import changes
from sandbox.canonical import canonical
from sandbox.events import BrokenLine, Event, read_events

#: Events and commands shown of one finding; lines and characters of each text.
EVENTS: Final = 4
COMMANDS: Final = 4
LINES, CHARACTERS = 24, 1_600
#: Entries of a list that are shown; the rest are counted.
ENTRIES: Final = 4
#: A name shorter than this is in too many commands to tell them apart.
_LEAST_NAME: Final = 6
#: Sources whose events name what the agent touched.
_NAMING: Final = frozenset({"scorer", "runner", "files", "kernel", "notify", "processes"})
_NAMES: Final = re.compile(r"/?[\w.@+-]+(?:/[\w.@+-]+)+")


@dataclass(frozen=True, slots=True)
class Seen:
    """One event as it is shown. ``facts`` are its data; a text of several lines keeps them."""

    seq: int
    seconds: float
    source: str
    kind: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Command:
    """What the model asked for in one turn."""

    seq: int
    seconds: float
    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class Trail:
    """``relation`` says in words how ``commands`` relate to the events; ``problem`` why there is no trail.

    ``diffs`` are the files that changed, where the events are two versions of the scaffold.
    """

    events: tuple[Seen, ...] = ()
    more: int = 0
    relation: str = ""
    commands: tuple[Command, ...] = ()
    diffs: tuple[FileDiff, ...] = ()
    problem: str | None = None


def trail(directory: Path, line: LedgerLine, finding: FindingRecord) -> Trail:
    """What proves ``finding``, from the log under the run ``directory``.

    A log that is missing or broken gives a trail that says so.
    """
    path = directory / events_file(line)
    wanted = set(finding.evidence[:EVENTS])
    proofs: list[Event] = []
    replies: deque[Event] = deque(maxlen=max(1, int(line.limits.get("turns", 0)) or 1_000))
    try:
        for event in read_events(path):
            if event.seq in wanted:
                proofs.append(event)
            elif event.kind == "model.reply" and event.seq < max(finding.evidence, default=0):
                replies.append(event)
    except BrokenLine as broken:
        return Trail(problem=f"line {broken.line} of the event log: {plain(broken.reason)}")
    except OSError as error:
        return Trail(problem=f"the event log cannot be read: {error.strerror}")
    relation, led = _led_to(proofs, replies)
    return Trail(
        tuple(_seen(event) for event in proofs),
        len(finding.evidence) - len(proofs),
        relation,
        tuple(_command(event) for event in led),
        _diffs(directory, proofs),
    )


def _diffs(directory: Path, proofs: Sequence[Event]) -> tuple[FileDiff, ...]:
    """The files that differ between the first and the last version of the scaffold among ``proofs``."""
    manifests = [event.data["files"] for event in proofs if event.kind == "scaffold.version"]
    return scaffold_diff(directory, manifests[0], manifests[-1]) if len(manifests) > 1 else ()


def _led_to(proofs: Sequence[Event], replies: Sequence[Event]) -> tuple[str, Sequence[Event]]:
    """The replies that name what the events name; else those before it, as far as that can be said."""
    if not replies or not proofs:
        return "", ()
    for name in sorted(_names(proofs), key=len, reverse=True):
        naming = [reply for reply in replies if name in _text(reply.data.get("text"))]
        if naming:
            return f"what the agent did with {plain(name, 80)}", naming[-COMMANDS:]
    if proofs[-1].source == "scorer":
        every = list(replies)
        some = every if len(every) <= COMMANDS else [*every[: COMMANDS - 1], every[-1]]
        return f"what the agent did in {len(every)} turns, and the scorer then measured", some
    return "what the agent did last before it", [replies[-1]]


def _names(proofs: Sequence[Event]) -> set[str]:
    """Paths that the events name, with and without their directory; of two manifests, those that differ."""
    texts = [
        value
        for event in proofs
        if event.source in _NAMING
        for value in event.data.values()
        if isinstance(value, str)
    ]
    manifests = [event.data["files"] for event in proofs if event.kind == "scaffold.version"]
    if len(manifests) > 1:
        differ = changes(manifests[0], manifests[-1])
        texts += [f"/agent/{path}" for paths in differ.values() for path in paths]
    paths = {path for text in texts for path in _NAMES.findall(text)}
    names = paths | {path.rsplit("/", 1)[-1] for path in paths}
    return {name for name in names if len(name) >= _LEAST_NAME}


def _seen(event: Event) -> Seen:
    facts = tuple((plain(key, 60), _shown(value)) for key, value in sorted(event.data.items()))
    return Seen(event.seq, event.t / 1e6, event.source, event.kind, facts)


def _command(event: Event) -> Command:
    turn = event.data.get("turn")
    text = lines_of(_text(event.data.get("text")), LINES, CHARACTERS)
    return Command(event.seq, event.t / 1e6, turn if isinstance(turn, int) else 0, text)


def _text(value: Any) -> str:
    """A stored text, whole or cut."""
    if isinstance(value, dict):
        value = value.get("cut")
    return value if isinstance(value, str) else ""


def _shown(value: Any) -> str:
    """A value of an event's data: text as it is, a long list as its first entries and their number."""
    if isinstance(value, dict) and {"cut", "bytes"} <= value.keys():
        return lines_of(f"{_text(value)}… ({value['bytes']} bytes)", LINES, CHARACTERS)
    if isinstance(value, str):
        return lines_of(value, LINES, CHARACTERS)
    if isinstance(value, list) and len(value) > ENTRIES:
        first = canonical(value[:ENTRIES]).decode("utf-8", "replace")
        return plain(f"{len(value)} entries, the first: {first}", CHARACTERS)
    return plain(canonical(value).decode("utf-8", "replace"), CHARACTERS)
