"""The actor on one container host: what of tidegauge runs on a node of a Ray cluster."""

import asyncio
import os
from pathlib import Path
from typing import Any

from experiments.attempts.containment import ensure
from experiments.attempts.executors import host_boxes, open_boxes, settle, why_no_boxes
from experiments.record.records import EpisodeSpec, LedgerLine
from sandbox.box import Boxes
from sandbox.canonical import sha256
from sandbox.errors import EngineFault


class EpisodeRunner:
    """Runs as many attempts at a time as its host has slots."""

    def __init__(self, image: str, runtime: str, owner: str, slots: int) -> None:
        self._settings = (image, runtime, owner, slots)
        self._boxes: Boxes | None = None
        self._opening = asyncio.Lock()

    async def run(self, spec: EpisodeSpec) -> LedgerLine:
        """Runs one attempt on this host.

        Raises:
            EngineFault: the host gives no boxes; the attempt has not begun.
            Mistake: the host lacks the boxes' image.
        """
        from experiments.attempts.attempt import run_attempt

        boxes = await self._open()
        await boxes.answering()
        return await run_attempt(spec, boxes)

    async def lacking(self) -> str | None:
        """Why this host gives no boxes just now; None if it does.

        Raises:
            Mistake: the host lacks the boxes' image.
        """
        try:
            return await why_no_boxes(await self._open())
        except EngineFault as fault:
            return str(fault)

    async def self_test(self) -> dict[str, Any]:
        """The containment self-test of this host, taken where none is kept.

        Raises:
            Mistake: no box could be tried.
        """
        image, runtime, *_ = self._settings
        return await asyncio.to_thread(ensure, image, runtime, lambda _: None)

    async def _open(self) -> Boxes:
        async with self._opening:
            if self._boxes is None:
                # A runner that was started again: the engine may be away just now.
                self._boxes = await asyncio.to_thread(open_boxes, *self._settings)
        return self._boxes

    async def prepare(
        self, witness: str, digest: str, keys: tuple[str, ...], files: tuple[str, ...]
    ) -> str | None:
        """Opens the host's engine, and looks for what a run needs here.

        Args:
            witness: a file of the driver's run directory.
            digest: SHA-256 of its content: another file of that name is not the same directory.
            keys: variables that must hold a model's key.
            files: what the config names and episodes read.

        Returns:
            What the host lacks, with the remedy; None if nothing.

        Raises:
            Mistake: no engine answers, or the image is not there.
        """
        # Not in the constructor: Ray would report a mistake there as the actor's death.
        self._boxes = await asyncio.to_thread(host_boxes, *self._settings)
        return await asyncio.to_thread(_lacks, Path(witness), digest, keys, files)

    async def answer(self) -> None:
        """Returns, if this runner lives."""

    async def close(self) -> None:
        """Leaves no container of this runner's on this host."""
        if self._boxes is not None:
            await self._boxes.close()
        await settle(self._settings[2])


def _lacks(witness: Path, digest: str, keys: tuple[str, ...], files: tuple[str, ...]) -> str | None:
    directory = witness.parent
    if not witness.is_file() or sha256(witness.read_bytes()) != digest:
        remedy = "put --runs on a file system that all nodes share"
        return f"does not see the run directory {directory}; {remedy}"
    if not os.access(directory / "episodes", os.W_OK):
        return f"may not write the run directory {directory}; run Ray as the same user on all nodes"
    for key in keys:
        if not os.environ.get(key):
            return f"lacks the variable {key}, which holds a model's key; set it before `ray start` there"
    for file in files:
        if not Path(file).exists():
            return (
                f"does not see {file}, which the config names; put it on a file system that all nodes share"
            )
    return None
