"""Runs a child's answering program in a box: the same way in a trial and for its grade."""

import json
from collections.abc import Mapping
from typing import Final

from sandbox.box import Box
from sandbox.files import FileSpec
from tasks.inner.answering import parse_answers
from tasks.laying import ENVIRONMENT
from tasks.reproduction import result, run_to_end

SECONDS: Final = 10.0
_ANSWERS: Final = "answers.json"


async def answers_right(box: Box, marks: Mapping[str, int]) -> list[bool]:
    """For each question whether what the program in /agent answers is marked right.

    Args:
        box: with the child in /agent and the solver behind its door.
        marks: question -> what its answer is marked by.

    Raises:
        Invalid: it does not answer as the task says.
    """
    asked = json.dumps({"questions": list(marks)}).encode()
    # The empty answer file replaces what the run before may have left.
    await box.put("/work", [FileSpec("questions.json", asked), FileSpec(_ANSWERS, b"")])
    await run_to_end(
        box, ["python3", "/agent/answer.py", "/work/questions.json", f"/work/{_ANSWERS}"], "answer",
        cwd="/work", seconds=SECONDS, env=ENVIRONMENT,
    )  # fmt: skip
    given = parse_answers(await result(box, _ANSWERS, "answers"), len(marks))
    return [text == str(mark) for text, mark in zip(given, marks.values(), strict=True)]
