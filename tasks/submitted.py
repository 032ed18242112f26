"""The files of a submission that is a directory with a program in it."""

from typing import Final

from sandbox.files import FileSpec
from tasks.grading import Submission

_PLACE: Final = "submission/"


class Invalid(Exception):
    """The submission gave no valid result; the text is the cause."""


def submitted(submission: Submission, program: str, most: int) -> list[FileSpec]:
    """The files of /work/submission, at most ``most`` bytes, ``program`` among them.

    Raises:
        Invalid: it is not there, or they are not whole or too large.
    """
    work = submission.work
    if _PLACE + program not in work.files:
        raise Invalid(f"no_{program.replace('.', '_')}")
    if any(path.startswith(_PLACE) for path, _ in work.left):
        raise Invalid("submission_not_collected")
    files = [FileSpec(path, data) for path, data in work.files.items() if path.startswith(_PLACE)]
    if sum(len(file.content) for file in files) > most:
        raise Invalid("submission_too_large")
    return files
