"""A grading box whose /agent holds one scaffold after the other."""

from collections.abc import Sequence
from typing import Final

from sandbox.box import Box
from sandbox.errors import GradingFault
from sandbox.files import FileSpec

#: What a scaffold's programs are run with where they are graded.
ENVIRONMENT: Final = {
    "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp",
    "OPENAI_BASE_URL": "http://127.0.0.1:8000/v1",
}  # fmt: skip
_SECONDS: Final = 20.0


async def lay_out(box: Box, files: Sequence[FileSpec]) -> None:
    """Puts a scaffold into /agent, in place of the one before it.

    Raises:
        GradingFault: the one before it could not be removed.
    """
    await box.kill_all()
    try:
        await box.run(
            ["find", "/agent", "-mindepth", "1", "-delete"],
            cwd="/", env=dict(ENVIRONMENT), output=4096, timeout=_SECONDS,
        )  # fmt: skip
    except TimeoutError as error:
        raise GradingFault("/agent could not be emptied") from error
    await box.put("/agent", files)
