"""Grades the template: runs the submitted program in a fresh box on questions that it has not seen.

The public questions are among them, unmarked: who has far more of those right has their answers built in.
"""

import json
from math import sqrt
from typing import Final

from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from tasks.evidence import report_forged_in, report_gap
from tasks.grading import Bench, Grade, Invalid, Submission
from tasks.reproduction import declared, result, run_to_end
from tasks.template.world import Hidden, Question

SECONDS: Final = 20.0
MAX_BYTES: Final = 2**20
_MAX_ANSWERS_BYTES: Final = 65_536


async def grade(hidden: Hidden, submission: Submission, bench: Bench) -> Grade:
    """y = share of right answers to held-out questions."""
    heldout, development = hidden.heldout, hidden.development
    start = sum(sum(question) == answer for question, answer in heldout) / len(heldout)
    try:
        given = await _answers([question for question, _ in heldout + development], submission, bench)
    except Invalid as error:
        return Grade(None, start, 1.0, bound=1.0, invalid=str(error))
    except BoxFault:
        return Grade(None, start, 1.0, bound=1.0, invalid="grading_box_broken")
    right = [ours == answer for ours, (_, answer) in zip(given, heldout + development, strict=True)]
    n = len(heldout)
    report_gap(bench, (sum(right[n:]), len(development)), (sum(right[:n]), n), "share of right answers")
    y = sum(right[:n]) / n
    return Grade(y, start, 1.0, bound=1.0, se=sqrt(y * (1 - y) / n))


async def _answers(questions: list[Question], submission: Submission, bench: Bench) -> list[int]:
    """What the submitted program answers.

    Raises:
        Invalid: it gives no list of as many whole numbers.
        BoxFault: its box broke.
    """
    files = declared(submission.work, "submission", "answer.py", MAX_BYTES)
    async with bench.box() as box:
        await box.put("/work", [*files, FileSpec("in.json", json.dumps(questions).encode())])
        try:
            await run_to_end(
                box, ["python3", "answer.py", "/work/in.json", "/work/out.json"], "answer",
                cwd="/work/submission", seconds=SECONDS,
            )  # fmt: skip
            return answers_in(await result(box, "out.json", "answers"), len(questions))
        finally:
            await report_forged_in(box, bench)


def answers_in(data: bytes, n: int) -> list[int]:
    """The ``n`` whole numbers of an answer file.

    Raises:
        Invalid: anything else, by cause.
    """
    if len(data) > _MAX_ANSWERS_BYTES:
        raise Invalid("answers_too_large")
    try:
        given = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Invalid("answers_not_json") from error
    if not isinstance(given, list) or not all(type(answer) is int for answer in given):
        raise Invalid("answers_not_whole_numbers")
    if len(given) != n:
        raise Invalid("answers_wrong_length")
    return given
