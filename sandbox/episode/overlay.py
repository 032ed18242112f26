"""The budget of a root that may be written: nothing in the box bounds it, so the host looks at it."""

import asyncio
from typing import Final

from sandbox.box import Box
from sandbox.errors import EngineFault
from sandbox.recorder import Recorder

#: Seconds between two looks; one costs the engine a walk over what was written.
LOOK_SECONDS: Final = 1.0


async def watch_disk(box: Box, recorder: Recorder, granted: int) -> None:
    """Until cancelled, until the box has written more than ``granted`` bytes, which is the attempt's limit then, or
    until the box ends.

    Raises:
        EngineFault: the engine does not say, of a box that lives.
    """
    try:
        while (used := await box.written()) <= granted:
            await asyncio.sleep(LOOK_SECONDS)
    except EngineFault:
        if box.dead is None:
            raise
        return  # there is nothing left to look at, and whose doing that is others judge
    recorder.limit("disk", granted, used)
