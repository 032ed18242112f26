"""The versions of a scaffold that a run kept: their ids however they were laid out, and their files."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from experiments.record import durable
from monitors.contents import Blobs
from monitors.edits.edit import File
from sandbox.canonical import digest
from sandbox.files import layout_mode

SCAFFOLD = "scaffold.jsonl"


@dataclass(frozen=True)
class KeptVersion:
    """One line of an attempt's ``scaffold.jsonl``."""

    run: Path
    id: str
    at: str
    entries: tuple[tuple[Any, ...], ...]

    @cached_property
    def content_id(self) -> str:
        """The id that its regular files have once they are laid out: what a later episode would begin with.

        Bytecode caches, links and empty directories are no part of what can be handed on.
        """
        files = [(path, layout_mode(mode), size, sha) for path, mode, size, sha in self._files()]
        entries: list[list[Any]] = [[path, "file", mode, size, sha] for path, mode, size, sha in files]
        parents = {"/".join(path.split("/")[: i + 1]) for path, *_ in files for i in range(path.count("/"))}
        entries += [[path, "dir", 0o755, 0, None] for path in parents]
        return digest(sorted(entries, key=lambda entry: entry[0].encode("utf-8", "surrogateescape")))

    def files(self) -> dict[str, File]:
        """Path → file, with the contents that the run keeps."""
        blobs = Blobs(self.run / durable.BLOBS)
        return {path: File(path, mode, sha, blobs(sha)) for path, mode, _, sha in self._files()}

    def _files(self) -> Iterator[tuple[str, int, int, str]]:
        for path, kind, mode, size, sha in self.entries:
            named = isinstance(path, str) and "__pycache__" not in path.split("/")
            if kind == "file" and named and isinstance(sha, str):
                yield path, mode, size, sha


def versions_of(run: Path, attempt: Path) -> list[KeptVersion]:
    """The versions of one attempt, in order; none where nothing was kept or it cannot be read."""
    try:
        lines = (attempt / SCAFFOLD).read_bytes().splitlines()
        return [_version(run, json.loads(line)) for line in lines]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _version(run: Path, value: Mapping[str, Any]) -> KeptVersion:
    files: Sequence[Sequence[Any]] = value["files"]
    entries = tuple((entry[0], entry[1], int(entry[2]), int(entry[3]), entry[4]) for entry in files)
    return KeptVersion(run, str(value["id"]), str(value["at"]), entries)
