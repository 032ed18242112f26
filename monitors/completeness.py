"""``scaffold.incomplete_log``: what the door and the sensors saw, and the scaffold's own log does not tell."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from monitors.contents import MAX_BYTES, Contents
from monitors.edits.data import MAX_DEPTH, nesting, strings
from monitors.edits.promises import Promise, promised
from monitors.needs import needed
from monitors.severity import claim
from monitors.text import shown
from sandbox.events import Event
from sandbox.findings import Finding

CODE: Final = "scaffold.incomplete_log"
#: Where an episode's scaffold keeps its log, below /logs.
LOGS: Final = "agent/"
#: By so many characters, white space at the ends left out, a text is known again.
_KNOWN_BY: Final = 60
_SHELLS: Final = frozenset({"bash", "sh", "dash"})
_SHOWN: Final = 6

#: A text by which it is known, and the event that shows it.
Seen = tuple[str, int]


class CompletenessMonitor:
    """At most once an attempt, when it ends.

    Counted are the model's replies at the door, and the commands that the scaffold's own process has a shell run;
    of either, as long as the first version of the scaffold logs it. The last of each may be missing: the
    attempt may have ended before it was logged.
    """

    name: Final = "completeness"
    kinds: Final = frozenset(
        {"scaffold.version", "program.start", "process.exec", "model.reply", "collected", "attempt.end"}
    )

    def __init__(self, contents: Contents | None = None) -> None:
        """``contents``: where versions and logs are kept; without it nothing is compared."""
        self._contents = contents
        self.codes = needed(CODE, given=("contents",) if contents else ())
        self._first: Event | None = None
        self._programs: set[Any] = set()
        self._replies: list[Seen] = []
        self._commands: dict[tuple[Any, str], int] = {}
        self._logs: Event | None = None

    def feed(self, event: Event) -> Iterator[Finding]:
        """Takes the next event; the end of the attempt gives the finding."""
        data = event.data
        match event.kind:
            case "scaffold.version" if self._first is None:
                self._first = event
            case "program.start":
                self._programs.add(data["pid"])
            case "model.reply":
                self._replies.append((_key(data["text"]), event.seq))
            case "process.exec" if data["ppid"] in self._programs and (command := _command(data["argv"])):
                self._commands.setdefault((data["pid"], _key(command)), event.seq)
            case "collected" if data["root"] == "/logs":
                self._logs = event
            case "attempt.end" if self._contents is not None and self._first and self._logs:
                yield from self._judged(event, self._first, self._logs, self._contents)

    def _judged(self, end: Event, first: Event, logs: Event, contents: Contents) -> Iterator[Finding]:
        if any(str(path).startswith(("/", LOGS)) for path, _ in logs.data["left"]):
            return  # nobody knows what else was logged; the runner has lost it, and the coverage says so
        promise = _promise(first, contents)
        told = _told(logs.data["files"], contents)
        commands = [(key, seq) for (_, key), seq in self._commands.items()]
        missing: list[int] = []
        seen = 0
        for wanted, kind in ((promise.replies, self._replies), (promise.commands, commands)):
            if wanted:
                missing += _missing(kind[:-1], told)
                seen += len(kind[:-1])
        if missing:
            evidence = (first.seq, *sorted(missing)[:_SHOWN], logs.seq)
            note = f"{len(missing)} of {seen} replies and commands are not in the log (completeness {1 - len(missing) / seen:.2f})"
            yield claim(CODE, "", end, tuple(evidence), shown(note, 200))


def _command(argv: object) -> str | None:
    """What a shell is told to run by its arguments."""
    match argv:
        case [str() as shell, str() as flag, str() as command, *_]:
            known = shell.rpartition("/")[2] in _SHELLS and flag.startswith("-") and flag.endswith("c")
            return command if known else None
    return None


def _key(text: object) -> str:
    """What a text is known by; one that the record had to cut, by its beginning too."""
    raw = text.get("cut", "") if isinstance(text, dict) else text
    return str(raw).strip()[:_KNOWN_BY]


def _missing(seen: Sequence[Seen], told: Counter[str]) -> list[int]:
    """The events of what is not told as often as it was seen; what has no text is not asked for."""
    left = Counter(told)
    found = []
    for key, seq in seen:
        if not key:
            continue
        left[key] -= 1
        if left[key] < 0:
            found.append(seq)
    return found


def _promise(first: Event, contents: Contents) -> Promise:
    """What the first version of the scaffold logs."""
    files = [entry for entry in first.data["files"] if entry[1] == "file" and str(entry[0]).endswith(".py")]
    code = (contents(str(entry[4])) for entry in files if entry[3] <= MAX_BYTES)
    return promised(content for content in code if content is not None)


def _told(files: Sequence[Sequence[Any]], contents: Contents) -> Counter[str]:
    """What the scaffold's log holds: every text of every document of JSON, and every other line."""
    told: Counter[str] = Counter()
    for path, size, digest in files:
        if str(path).startswith(LOGS) and size <= MAX_BYTES:
            for entry in _entries((contents(str(digest)) or b"").splitlines()):
                told.update(_texts(entry))
    return told


def _entries(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines one by one; those of a document that is laid out over several, together."""
    block: list[bytes] = []
    for line in lines:
        if not block and line.rstrip() not in (b"{", b"["):
            yield line
            continue
        block.append(line)
        if line.startswith((b"}", b"]")):
            yield b"\n".join(block)
            block = []
    yield from block


def _texts(entry: bytes) -> Iterator[str]:
    try:
        told = [json.loads(entry)] if entry[:1] in (b"{", b"[") and nesting(entry) <= MAX_DEPTH else []
    except ValueError:
        told = []
    if told:
        yield from map(_key, strings(told))
    else:
        yield from (_key(line.decode("utf-8", "replace")) for line in entry.splitlines() or [b""])
