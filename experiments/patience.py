"""How long a run waits for a container engine that went away."""

import asyncio
from typing import Final

from sandbox.box import Boxes
from sandbox.errors import EngineFault

#: Seconds that an episode waits; then it goes on as if the engine were gone for good.
ENGINE_SECONDS: Final = 300.0
#: Seconds between two looks.
PAUSE: Final = 1.0


async def engine_back(boxes: Boxes) -> None:
    """Returns when the engine answers, or after ``ENGINE_SECONDS``."""
    until = asyncio.get_running_loop().time() + ENGINE_SECONDS
    while asyncio.get_running_loop().time() < until:
        await asyncio.sleep(PAUSE)
        try:
            return await boxes.answering()
        except EngineFault:
            continue
