"""Where attempts run: the interface, and this process as the simplest case of it."""

import asyncio
import os
from typing import TYPE_CHECKING, Protocol

from experiments.record.records import EpisodeSpec, LedgerLine
from sandbox.box import Boxes
from sandbox.errors import EngineFault, Mistake

if TYPE_CHECKING:
    from sandbox.engine.pool import WarmBoxes


class AttemptAbandoned(Exception):
    """The runner died under an attempt: it has no ledger line, and the episode needs a new attempt."""


class Executor(Protocol):
    """Runs attempts."""

    #: How many attempts it runs at a time.
    slots: int

    async def run(self, spec: EpisodeSpec) -> LedgerLine:
        """Runs one attempt to its end. Cancelling it ends the attempt and destroys its boxes.

        Raises:
            AttemptAbandoned: the runner died.
            EngineFault: its host gives no boxes; the attempt has not begun.
            Mistake: its host lacks the boxes' image.
        """
        ...

    async def lacking(self) -> dict[str, str | None]:
        """Why each container host gives no boxes just now; None for one that does.

        Raises:
            Mistake: one lacks the boxes' image.
        """
        ...


def default_slots() -> int:
    """Episodes at a time on one host: they wait more than they compute, so two for each processor."""
    return 2 * len(os.sched_getaffinity(0))


def host_boxes(image: str, runtime: str, owner: str | None, spare: int = 0) -> "WarmBoxes":
    """``open_boxes`` for somebody who waits at a terminal: an engine that is away is a mistake.

    Raises:
        Mistake: no engine answers, or the image is not there.
    """
    try:
        return open_boxes(image, runtime, owner, spare)
    except EngineFault as fault:
        remedy = "start it, or set DOCKER_HOST to one that runs; `tidegauge doctor` says more"
        raise Mistake(f"does not answer at {fault}", where="container engine", remedy=remedy) from fault


def open_boxes(image: str, runtime: str, owner: str | None, spare: int = 0) -> "WarmBoxes":
    """Boxes on this host's container engine, once everything that a dead process left is away.

    Args:
        image: ``episode``, or the name of an image of yours that has the runner.
        runtime: container runtime.
        owner: the run that this process works for; what its dead processes left goes at once. None
            takes away only what is past its deadline.
        spare: boxes to have ready before they are asked for; ``close`` gives them back.

    Raises:
        EngineFault: no engine answers.
        Mistake: the engine lacks the runtime or the image, or a trial of the runtime failed.
    """
    from sandbox.engine.container import Engine
    from sandbox.engine.image import require_image
    from sandbox.engine.pool import WarmBoxes
    from sandbox.engine.reaper import sweep

    engine = Engine()
    runtimes = engine.runtimes()
    sweep(engine, owner)
    if runtime not in runtimes:
        have = ", ".join(runtimes)
        remedy = (
            f"install it and name it in the engine's configuration (docs/containment.md); there are: {have}"
        )
        problem = f"no runtime {runtime!r}"
        raise Mistake(problem, where="container engine", key="sandbox.runtime", remedy=remedy)
    found = require_image(engine) if image == "episode" else engine.image_id(image)
    if found is None:
        raise Mistake(
            f"no image {image!r}",
            where="container engine",
            key="sandbox.image",
            remedy="build it, or write episode",
        )
    _try_runtime(found, runtime)
    isolation = engine.isolation(runtime)
    return WarmBoxes(engine, image=found, runtime=runtime, isolation=isolation, spare=spare)


def _try_runtime(image: str, runtime: str) -> None:
    """Starts a box where another runtime than the engine's own was asked for."""
    from sandbox.engine.runtimes import refusal

    if runtime != "runc" and (why := refusal(image, runtime)) is not None:
        remedy = "docs/containment.md has the arguments that it needs; or write auto"
        problem = f"the runtime {runtime!r} carries no box: {why}"
        raise Mistake(problem, where="container engine", key="sandbox.runtime", remedy=remedy)


async def settle(owner: str) -> None:
    """Leaves no container of ``owner`` that this process or a dead one holds on this host, not even
    one that a cancelled attempt was making.

    The last thing that an event loop does with boxes: it takes no more work for threads after it.

    Raises:
        EngineFault: the engine does not answer.
    """
    from sandbox.engine.container import Engine
    from sandbox.engine.reaper import sweep

    await asyncio.get_running_loop().shutdown_default_executor()
    sweep(Engine(), owner, closing=True)


class LocalExecutor:
    """Runs attempts in this process."""

    def __init__(self, slots: int, boxes: Boxes) -> None:
        self.slots = slots
        self._boxes = boxes

    async def run(self, spec: EpisodeSpec) -> LedgerLine:
        """Runs one attempt here."""
        from experiments.attempts.attempt import run_attempt

        await self._boxes.answering()
        return await run_attempt(spec, self._boxes)

    async def lacking(self) -> dict[str, str | None]:
        """Whether this host gives boxes."""
        return {"container engine": await why_no_boxes(self._boxes)}


async def why_no_boxes(boxes: Boxes) -> str | None:
    """Why no boxes can be had; None if they can."""
    try:
        await boxes.answering()
    except EngineFault as fault:
        return str(fault)
    return None
