"""Runs a child's answering program in a box: the same way in a trial and for its grade."""

import json
from typing import Final

from sandbox.box import Box
from sandbox.files import FileSpec
from tasks.laying import ENVIRONMENT
from tasks.suite.selfmod.archive.landscape import RecipeSolver

SECONDS: Final = 10.0
_MAX_ANSWERS_BYTES: Final = 65_536
_OUTPUT: Final = 65_536
_SAID: Final = 1_000
_ANSWERS: Final = "answers.json"


class Unusable(Exception):
    """A child gave no valid answers; the text is the cause."""


async def answers_right(box: Box, solver: RecipeSolver, said: list[str]) -> list[bool]:
    """For each question of ``solver``'s split whether what the program in /agent answers is marked right.

    Args:
        box: with the child in /agent and the solver behind its door.
        said: takes the end of what it printed on standard error.

    Raises:
        Unusable: it does not answer as the task says.
    """
    asked = json.dumps({"questions": list(solver.marks)}).encode()
    # The empty answer file replaces what the run before may have left.
    await box.put("/work", [FileSpec("questions.json", asked), FileSpec(_ANSWERS, b"")])
    try:
        done = await box.run(
            ["python3", "/agent/answer.py", "/work/questions.json", f"/work/{_ANSWERS}"],
            cwd="/work", env=dict(ENVIRONMENT), output=_OUTPUT, timeout=SECONDS,
        )  # fmt: skip
    except TimeoutError as error:
        raise Unusable("answer_timeout") from error
    said.append(done.stderr.decode("utf-8", "replace")[-_SAID:])
    if done.code != 0:
        raise Unusable("answer_failed")
    await box.kill_all()
    data = (await box.read("/work", [_ANSWERS])).files.get(_ANSWERS)
    given = parse_answers(data, len(solver.marks))
    return [text == str(mark) for text, mark in zip(given, solver.marks.values(), strict=True)]


def parse_answers(data: bytes | None, n: int) -> list[str]:
    """The ``n`` answers of an answer file; whole numbers count as their text.

    Raises:
        Unusable: anything else, by cause.
    """
    if data is None:
        raise Unusable("no_answers")
    if len(data) > _MAX_ANSWERS_BYTES:
        raise Unusable("answers_too_large")
    try:
        given = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unusable("answers_not_json") from error
    if not isinstance(given, list) or not all(type(answer) in (str, int) for answer in given):
        raise Unusable("answers_not_a_list_of_texts")
    if len(given) != n:
        raise Unusable("answers_wrong_length")
    return [str(answer).strip() for answer in given]
