"""What an agent left behind, as kept beside its attempt's log: contents by digest, names as data in one index.

The artefacts of an attempt that a severity-3 finding stopped are in quarantine: under another name and apart
from the run's blobs, so that nothing that reads artefacts or blobs by name comes upon them, and no later
episode is given them.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from experiments.record import durable
from monitors.contents import Blobs
from sandbox.canonical import canonical

KEPT: Final = "artefacts"
QUARANTINED: Final = "quarantine"
INDEX: Final = "index.json"
#: The status whose artefacts are in quarantine.
STOPPED: Final = "stopped"


def directory_of(attempt: Path, status: str) -> Path:
    """Where the index of an attempt that ended with ``status`` lies."""
    return attempt / (QUARANTINED if status == STOPPED else KEPT)


def contents(run: Path, attempt: Path) -> Blobs:
    """What an attempt's log names by its digest, quarantined or not: for those who look into it as evidence."""
    return Blobs(run / durable.BLOBS, attempt / QUARANTINED)


def keep(
    run: Path,
    attempt: Path,
    status: str,
    files: Iterable[tuple[str, Mapping[str, bytes]]],
    given: Mapping[str, bytes],
) -> None:
    """Keeps what was collected: entries ``[root, path, size, sha256]`` in the index, contents under their digest.

    Args:
        run: the run's directory.
        attempt: the attempt's directory below it.
        status: how the attempt ended.
        files: root (work, logs, tmp) and what was collected below it, by path.
        given: what the world had laid out under work; what is still the same is not kept again.

    Raises:
        StorageFault: the disk refused it.
    """  # fmt: skip
    place = directory_of(attempt, status)
    place.mkdir()
    index = []
    for root, contents in files:
        for path in sorted(contents):
            content = contents[path]
            if root == "work" and given.get(path) == content:
                continue
            kept = durable.put_file(place if status == STOPPED else run / durable.BLOBS, content)
            index.append([root, path, len(content), kept])
    durable.replace(place / INDEX, canonical(index) + b"\n")
