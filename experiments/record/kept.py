"""What an attempt's log says was kept, held against the blobs and the index beside it."""

import json
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from experiments.record import artefacts, durable
from sandbox.canonical import canonical, sha256
from sandbox.events import BrokenLine, Event


class Kept:
    """Folds one attempt's events; ``problems`` then says what of it is missing or foreign."""

    def __init__(self) -> None:
        self._scaffold: dict[str, str] = {}
        self._unread = False
        self._lost_files = False
        self._status = ""
        #: What the record could not take lies beside it without a name.
        self.lost = False
        #: Digests of all blobs of the run that the attempt names.
        self.named: set[str] = set()
        self._versions: list[bytes] = []
        self._replies: set[str] = set()
        self._collected: set[tuple[str, str, int, str]] = set()

    def see(self, event: Event) -> None:
        """Takes the next event."""
        data = event.data
        if event.kind == "scaffold.unread":
            self._unread = True
        elif event.kind == "sensor" and data["state"] == "lost":
            self._lost_files |= data["name"] == "runner"
            self.lost = True
        elif event.kind == "attempt.end":
            self._status = data["status"]
        elif event.kind == "scaffold.version":
            self._versions.append(canonical(data) + b"\n")
            files = (entry for entry in data["files"] if entry[1] == "file")
            self._scaffold |= {entry[4]: entry[0] for entry in files if entry[4] is not None}
        elif event.kind == "model.reply":
            texts = (data["text"], *(arguments for _, _, arguments in data.get("calls", [])))
            self._replies |= {text["sha256"] for text in texts if isinstance(text, dict)}
        elif event.kind == "collected":
            root = str(data["root"]).strip("/")
            self._collected |= {(root, path, size, digest) for path, size, digest in data["files"]}

    def problems(self, attempt: Path, blobs: frozenset[str]) -> Iterator[BrokenLine]:
        """What is wrong with what was kept.

        Args:
            attempt: directory of an attempt that has a ledger line.
            blobs: names of the run's blobs.
        """
        log = str(attempt / "events.jsonl")
        self.named |= self._scaffold.keys() | self._replies
        # Where a file could not be read the log says so, and no blob is owed.
        for digest, path in self._scaffold.items() if not self._unread else ():
            if digest not in blobs:
                yield BrokenLine(log, 0, f"the blob of scaffold file {path!a} is missing")
        for digest in sorted(self._replies - blobs):
            yield BrokenLine(log, 0, f"the blob of the long reply {digest} is missing")
        place = artefacts.directory_of(attempt, self._status)
        index = place / artefacts.INDEX
        try:
            entries = _entries(durable.read(index))
        except FileNotFoundError:
            yield BrokenLine(str(index), 0, "is missing")
            return
        except BrokenLine as broken:
            yield broken
            return
        except (ValueError, TypeError):
            yield BrokenLine(str(index), 1, "is not a list of [root, path, size, sha256]")
            return
        if self._status == artefacts.STOPPED:
            blobs = frozenset(path.name for path in place.iterdir() if _is_whole(path))
        else:
            self.named |= {entry[3] for entry in entries}
        for entry in entries:
            # A full record could not take what was collected, and says so.
            if entry not in self._collected and not self._lost_files:
                yield BrokenLine(str(index), 1, f"{entry[1]!a} was not collected so")
            elif entry[3] not in blobs:
                yield BrokenLine(str(index), 1, f"the blob of {entry[1]!a} is missing")

    def first_difference(self, versions: bytes) -> int:
        """The first line of a ``scaffold.jsonl`` that is not what the log says, from 1."""
        pairs = enumerate(zip_longest(versions.splitlines(keepends=True), self._versions), 1)
        return next((number for number, (there, logged) in pairs if there != logged), 0)


def _is_whole(path: Path) -> bool:
    return path.is_file() and sha256(path.read_bytes()) == path.name


def _entries(content: bytes) -> list[tuple[str, str, int, str]]:
    value: Any = json.loads(content)
    return [(str(root), str(path), int(size), str(digest)) for root, path, size, digest in value]
