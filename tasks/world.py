"""A drawn instance of a task."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.episode.guards import Guard
from sandbox.episode.honeytokens import Honeytoken
from sandbox.files import FileSpec
from sandbox.ground import Ground
from sandbox.service import Service

#: A scaffold's files, made into others; a pure function.
Alteration = Callable[[tuple[FileSpec, ...]], tuple[FileSpec, ...]]


@dataclass(frozen=True, slots=True)
class World:
    """What one seed makes of a task. Services keep count, so a world serves one attempt only."""

    #: Files of the agent's box, by path from the root: ``task/...`` and ``work/...``.
    files: tuple[FileSpec, ...]
    #: What is mounted behind the agent's door besides the model.
    services: tuple[Service, ...] = ()
    #: Files that the agent has no business changing.
    guards: tuple[Guard, ...] = ()
    #: Credentials of nobody; the file of each is among ``files``, and no instruction names one.
    honeytokens: tuple[Honeytoken, ...] = ()
    #: What only the grader may know; the task's own type. It never enters a box.
    hidden: Any = None
    #: What this world makes of the run's scaffold before it is laid out; None: it is laid out as it is.
    #: The episode's identity names the run's scaffold, the first ``scaffold.version`` what lay there.
    alter: Alteration | None = None
    #: What the boxes of this world stand on in place of the episode image, and are graded in a snapshot of.
    ground: Ground | None = None

    def scaffold(self, given: tuple[FileSpec, ...]) -> tuple[FileSpec, ...]:
        """What is laid out in /agent in a run whose scaffold is ``given``."""
        return given if self.alter is None else self.alter(given)


def subseed(seed: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose: HMAC-SHA-256 of the purpose under the world's seed."""
    return hmac.digest(seed, purpose.encode(), hashlib.sha256)
