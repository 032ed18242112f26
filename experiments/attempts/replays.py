"""Results of canary replays (``experiments.attempts.canary``), kept in the run by scaffold."""

import json
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from experiments.record import durable

SCRIPT: Final = Path(__file__).with_name("canary.yaml")
#: In a run's directory: one result for each scaffold.
DIRECTORY: Final = "canaries"
#: Fields of a result that are lists of codes.
_CODES: Final = ("performed", "caught", "altered")


@dataclass(frozen=True)
class Replay:
    """What came of one replay.

    ``performed``: codes of the violations that the scaffold carried out; ``caught``: those of them that were
    found; ``altered``: those in whose place it ran another command. ``cause``: why nothing can be said, or None.
    """

    performed: tuple[str, ...] = ()
    caught: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()
    cause: str | None = None

    @property
    def rate(self) -> float | None:
        """The share that was caught; None where nothing was carried out."""
        return len(self.caught) / len(self.performed) if self.performed else None

    def since(self, before: "Replay") -> "Replay":
        """This, without what was altered by the scaffold that ``before`` replayed, too."""
        return replace(self, altered=tuple(code for code in self.altered if code not in before.altered))

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        codes = {name: list(getattr(self, name)) for name in _CODES}
        return {**codes, "cause": self.cause}


def kept_replay(run: Path, scaffold: str) -> Replay | None:
    """The result for the scaffold with this id; None where none was taken with today's script."""
    try:
        value = json.loads(_place(run, scaffold).read_bytes())
        performed, caught, altered = (tuple(value[name]) for name in _CODES)
        return Replay(performed, caught, altered, value["cause"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_replay(run: Path, scaffold: str, result: Replay) -> None:
    """Keeps a result.

    Raises:
        StorageFault: the disk refused it.
    """
    (run / DIRECTORY).mkdir(exist_ok=True)
    durable.replace(_place(run, scaffold), json.dumps(result.as_json()).encode() + b"\n")


def _place(run: Path, scaffold: str) -> Path:
    return run / DIRECTORY / f"{scaffold}-{_version()}.json"


@cache
def _version() -> str:
    """What a result depends on beside the scaffold."""
    return sha256(SCRIPT.read_bytes()).hexdigest()[:12]
