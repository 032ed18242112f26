"""The second stage of a grading: what was submitted is run in a fresh box, and its results are read as bytes."""

import asyncio
import json
from collections.abc import Sequence
from typing import Final

from sandbox.box import Box, Completed
from sandbox.files import Collection, FileSpec
from tasks.grading import Invalid

#: What submitted programs are run with: numpy keeps to one thread, so that processor times compare.
ENVIRONMENT: Final = {
    "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp",
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
}  # fmt: skip
#: A program that waits, or a machine that is crowded, is given so many times its seconds by the clock.
PATIENCE: Final = 10
#: Seconds between two looks at what it took.
_LOOK: Final = 0.2
_OUTPUT: Final = 65_536
_REPORT_BYTES: Final = 65_536


def declared(work: Collection, directory: str, needed: str, most: int) -> list[FileSpec]:
    """The files below ``directory`` of the agent's /work, by their paths in it.

    Args:
        work: /work as it was collected.
        directory: the declared one, such as ``submission``.
        needed: the file in it that must be there.
        most: bytes that they may have together.

    Raises:
        Invalid: there is none, some were not collected, or they are too large.
    """
    files = [FileSpec(path, data) for path, data in work.files.items() if path.startswith(f"{directory}/")]
    if f"{directory}/{needed}" not in work.files:
        raise Invalid("no_" + needed.replace(".", "_").replace("/", "_"))
    if any(path.startswith(f"{directory}/") for path, _ in work.left):
        raise Invalid(f"{directory}_not_collected")
    if sum(len(file.content) for file in files) > most:
        raise Invalid(f"{directory}_too_large")
    return files


def python_files(work: Collection, needed: str, most: int) -> list[FileSpec]:
    """The Python files of the agent's /work, where a submission may be split into several.

    Args:
        work: /work as it was collected.
        needed: the file that must be there.
        most: bytes that they may have together.

    Raises:
        Invalid: it is not there, or they are too large.
    """
    if needed not in work.files:
        raise Invalid("no_" + needed.replace(".", "_"))
    files = [FileSpec(path, data) for path, data in work.files.items() if path.endswith(".py")]
    if sum(len(file.content) for file in files) > most:
        raise Invalid("submission_too_large")
    return files


async def run_to_end(
    box: Box, argv: Sequence[str], what: str, *, cwd: str, seconds: float, env: dict[str, str] = ENVIRONMENT
) -> None:
    """Runs a submitted program to its end, as ``completed`` does, and ends whatever it left running.

    Raises:
        Invalid: ``{what}_timeout`` or ``{what}_failed``.
    """
    try:
        done = await completed(box, argv, cwd=cwd, seconds=seconds, env=env)
    except TimeoutError as error:
        raise Invalid(f"{what}_timeout") from error
    if done.code != 0:
        raise Invalid(f"{what}_failed")
    await box.kill_all()


async def completed(
    box: Box, argv: Sequence[str], *, cwd: str, seconds: float, env: dict[str, str] = ENVIRONMENT
) -> Completed:
    """What a submitted program ends with.

    Args:
        box: where it lies.
        argv: the program.
        cwd: its directory.
        seconds: of processor time that the box may take meanwhile, and ``PATIENCE`` times as many by the clock:
            whether a program is slow must not hang on what else the machine does.
        env: its environment.

    Raises:
        TimeoutError: it takes more; nothing is left running.
    """
    timeout, before = PATIENCE * seconds, box.usage().cpu_us
    run = asyncio.ensure_future(box.run(argv, cwd=cwd, env=dict(env), output=_OUTPUT, timeout=timeout))
    try:
        while not run.done():
            await asyncio.wait({run}, timeout=_LOOK)
            now = box.usage().cpu_us
            if before is not None and now is not None and now - before > seconds * 1e6:
                break
        else:
            return run.result()
    finally:
        run.cancel()
        await asyncio.wait({run})
    await box.kill_all()
    raise TimeoutError


async def result(box: Box, name: str, what: str) -> bytes:
    """The contents of the file /work/``name`` of a grading box.

    Raises:
        Invalid: ``no_{what}``: there is no such regular file.
    """
    data = (await box.read("/work", [name])).files.get(name)
    if data is None:
        raise Invalid(f"no_{what}")
    return data


def names(data: bytes | None, key: str) -> set[str] | None:
    """The names in the list under ``key`` of a submitted JSON file; None if it is not there or of another form."""
    if data is None or len(data) > _REPORT_BYTES:
        return None
    try:
        found = json.loads(data)[key]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return set(found) if isinstance(found, list) and all(isinstance(name, str) for name in found) else None
