"""The budget of a root that may be written: nothing in the box bounds it, so the host looks at it."""

import asyncio
from typing import Final

from sandbox.box import Box
from sandbox.recorder import Recorder

#: Seconds between two looks; one costs the engine a walk over what was written.
LOOK_SECONDS: Final = 1.0


async def watch_disk(box: Box, recorder: Recorder, granted: int) -> None:
    """Until cancelled, or until the box has written more than ``granted`` bytes: the attempt's limit then.

    Raises:
        EngineFault: the engine does not say.
    """
    while (used := await box.written()) <= granted:
        await asyncio.sleep(LOOK_SECONDS)
    recorder.limit("disk", granted, used)
