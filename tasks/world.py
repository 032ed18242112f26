"""A drawn instance of a task."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from sandbox.files import FileSpec
from sandbox.service import Service


@dataclass(frozen=True, slots=True)
class World:
    """What one seed makes of a task. Services keep count, so a world serves one attempt only."""

    #: Files of the agent's box, by path from the root: ``task/...`` and ``work/...``.
    files: tuple[FileSpec, ...]
    #: What is mounted behind the agent's door besides the model.
    services: tuple[Service, ...] = ()
    #: What only the grader may know; the task's own type. It never enters a box.
    hidden: Any = None


def subseed(seed: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose: HMAC-SHA-256 of the purpose under the world's seed."""
    return hmac.digest(seed, purpose.encode(), hashlib.sha256)
