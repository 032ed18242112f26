"""A grading box whose /agent holds one scaffold after the other."""

from collections.abc import Sequence
from typing import Final

from sandbox.box import Box
from sandbox.episode.outcome import VERIFIER
from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from tasks.reproduction import completed

#: What a scaffold's programs are run with where they are graded.
ENVIRONMENT: Final = {
    "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp",
    "OPENAI_BASE_URL": "http://127.0.0.1:8000/v1",
}  # fmt: skip
_SECONDS: Final = 20.0
#: Whatever a program can write to, but for what only a verifier writes: that counts. A directory that its owner may
#: not read is made readable before it is looked into. The directories themselves stay, and must not remember either:
#: an attribute of theirs holds kilobytes.
_WRITABLE: Final = "/agent /work /task /tmp /dev/shm /logs"
_FORGET: Final = """
import os, sys
for place in sys.argv[1:]:
    for name in os.listxattr(place):
        os.removexattr(place, name)
    os.utime(place, (0, 0))
"""
_WIPE: Final = (
    f"find {_WRITABLE} -mindepth 1 -type d ! -perm -700 -exec chmod u+rwx {{}} \\;; "
    f"find {_WRITABLE} -mindepth 1 ! -path /logs/{VERIFIER} ! -path '/logs/{VERIFIER}/*' -delete && "
    f"python3 -ISc '{_FORGET}' {_WRITABLE}"
)


async def lay_out(box: Box, files: Sequence[FileSpec]) -> None:
    """Puts a scaffold into /agent; of the one before it nothing is left there or elsewhere.

    Raises:
        BoxFault: something that was left there cannot be removed.
    """
    await wipe(box)
    await box.put("/agent", files)


async def wipe(box: Box) -> None:
    """Ends every process and empties every directory that one could write to: nothing is left to whoever comes next.

    Raises:
        BoxFault: something that was left there cannot be removed.
    """
    await box.kill_all()
    try:
        done = await completed(box, ["bash", "-c", _WIPE], cwd="/", seconds=_SECONDS, env=ENVIRONMENT)
    except TimeoutError as error:
        raise BoxFault("the box cannot be emptied in time") from error
    if done.code != 0:
        raise BoxFault("the box cannot be emptied")
