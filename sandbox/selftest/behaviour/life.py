"""How a box ends: by its deadline, by its owner, by somebody else; and that nothing of it is left."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sandbox.box import BoxRequest
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBox, DockerBoxes
from sandbox.engine.hardening import NAME_FILES
from sandbox.limits import Limits
from sandbox.selftest.checks import Check, holds

_DEADLINE: Final = 2.0
#: Seconds within which what must happen is seen, on a busy machine too.
_PATIENCE: Final = 15.0
#: Seconds within which a dead box is noticed.
_NOTICED: Final = 2.0

Request = Callable[[str, float], BoxRequest]


def requests(owner: str) -> Request:
    """Requests of one owner, by role and deadline in seconds."""

    def request(role: str, deadline: float) -> BoxRequest:
        name = f"tidegauge-{owner}-{role}"
        return BoxRequest(name, Limits(), False, {"owner": owner, "episode": name}, deadline)

    return request


async def try_life(engine: Engine, boxes: DockerBoxes, request: Request) -> list[Check]:
    """Boxes that end in each way."""
    return [
        await _deadline(engine, boxes, request),
        *await _killed(engine, boxes, request),
        *await _closed(engine, boxes, request),
    ]


async def _deadline(engine: Engine, boxes: DockerBoxes, request: Request) -> Check:
    began = time.monotonic()
    async with boxes.open(request("deadline", _DEADLINE)) as box:
        ended = await _until(lambda: box.dead is not None)
        gone = await _until(lambda: engine.gone(box.container))
    took = time.monotonic() - began
    outcome = holds(ended and gone and took >= _DEADLINE, f"ended and removed itself after {took:.1f} s")
    return Check("life.deadline", *outcome, "a box past its deadline ends, whatever the host does")


async def _killed(engine: Engine, boxes: DockerBoxes, request: Request) -> list[Check]:
    async with boxes.open(request("killed", 60)) as box:
        await asyncio.to_thread(engine.remove, box.container)
        began = time.monotonic()
        await _until(lambda: box.dead is not None)
        took = time.monotonic() - began
        await box.fate.settled(_NOTICED)
        evidence = box.fate.host_evidence
    return [
        Check(
            "life.noticed", *holds(took <= _NOTICED, f"after {took:.2f} s"), "a dead box is noticed at once"
        ),
        Check(
            "life.blamed",
            *holds(evidence is not None, evidence or "the engine told nothing"),
            "a box that somebody ended from outside is told from one that died",
        ),
    ]


async def _closed(engine: Engine, boxes: DockerBoxes, request: Request) -> list[Check]:
    asked = request("closed", 60)
    owner = asked.labels["owner"]
    async with boxes.open(asked) as box:
        listed = box.container in await asyncio.to_thread(engine.owned, owner)
        places = await _places(engine, box)
    gone = await asyncio.to_thread(engine.gone, box.container)
    left = [str(place) for place in places if place.exists()]
    return [
        Check("life.listed", *holds(listed, "found by its label"), "the reaper finds an open box"),
        Check("life.gone", *holds(gone, box.container[:12]), "a closed box leaves no container"),
        Check("life.sockets", *holds(bool(places) and not left, f"{len(places)} were there"), "nor a socket"),
    ]


async def _places(engine: Engine, box: DockerBox) -> list[Path]:
    """Where the host keeps the sockets that the box sees."""
    container = await asyncio.to_thread(engine.inspect, box.container)
    binds = [bind.split(":") for bind in container["HostConfig"]["Binds"]]
    return [Path(outside) for outside, inside, _ in binds if inside not in NAME_FILES]


async def _until(true: Callable[[], bool]) -> bool:
    until = time.monotonic() + _PATIENCE
    while not await asyncio.to_thread(true):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.05)
    return True
