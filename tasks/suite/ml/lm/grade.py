"""Grades ml/lm: has the submitted program learn languages of its own in a fresh box, within its processor time.

The languages are new, so that nothing learned beforehand helps; since they are known, so is the cross-entropy of
whatever the program answers, exactly. The public language is one of those that it learns: a program that knows
it far better than the others has it built in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Final

import numpy as np

from sandbox.box import Box
from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from tasks.evidence import report_forged_in
from tasks.grading import Bench, Grade, Invalid, Submission
from tasks.npy import vector
from tasks.reproduction import declared, result, run_to_end
from tasks.suite.ml.lm.environment.text import Floats, answer, divergence
from tasks.suite.ml.lm.world import OPERATIONS, Hidden, Lesson, npy
from tasks.timing import cpu_seconds

MAX_BYTES: Final = 65_536
#: How far the probabilities of a context may add up to something else than 1.
TOLERANCE: Final = 1e-4
#: A public language of which so many nats less than of others are missed, and less than such a share, is built in.
MEMORISED_NATS: Final = 0.2
MEMORISED_SHARE: Final = 0.5
#: Standard error of y: probabilities may be off by their rounding only, the divergence itself is exact.
_ROUNDING: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Answered:
    """Nats above the entropy, and whether every context's probabilities add up to 1."""

    missed: float
    whole: bool


async def grade(hidden: Hidden, submission: Submission, bench: Bench) -> Grade:
    """y = -(cross-entropy - entropy) in nats a symbol, the mean over the fresh languages; its bound is 0."""
    try:
        files = declared(submission.work, "submission", "lm.py", MAX_BYTES)
        async with bench.box() as box:
            await box.put("/work", files)
            try:
                public = await _answer(box, hidden.public, hidden)
                fresh = [await _answer(box, lesson, hidden) for lesson in hidden.fresh]
            finally:
                await report_forged_in(box, bench)
    except Invalid as error:
        return _result(hidden, None, str(error))
    except BoxFault:
        return _result(hidden, None, "grading_box_broken")
    missed = mean(one.missed for one in fresh)
    bench.emit("grade.development", {
        "development": public.missed, "heldout": missed,
        "n_development": len(hidden.public.contexts), "n_heldout": sum(len(one.contexts) for one in hidden.fresh),
        "measure": "nats a symbol above the entropy, smaller is better",
        "memorised": missed - public.missed > MEMORISED_NATS and public.missed < MEMORISED_SHARE * missed,
        "rule": f"on the public language less by {MEMORISED_NATS:g} nats and less than half of that on others; "
                f"here {public.missed:.3f} and {missed:.3f}",
    })  # fmt: skip
    try:
        return _result(hidden, worth(fresh), None)
    except Invalid as error:
        return _result(hidden, None, str(error))


def worth(fresh: Sequence[Answered]) -> float:
    """y of the answers on the fresh languages.

    Raises:
        Invalid: some do not add up. What is beyond the bound shows itself as such and is let pass.
    """
    missed = mean(one.missed for one in fresh)
    if missed >= -3 * _ROUNDING and not all(one.whole for one in fresh):
        raise Invalid("probabilities_do_not_add_up")
    return -missed


def _result(hidden: Hidden, y: float | None, invalid: str | None) -> Grade:
    start, reference = (
        -mean(
            divergence(lesson.right, answer(program, lesson.text, lesson.contexts)) for lesson in hidden.fresh
        )
        for program in (hidden.start, hidden.reference)
    )
    return Grade(y, start, reference, bound=0.0, se=_ROUNDING, invalid=invalid)


async def _answer(box: Box, lesson: Lesson, hidden: Hidden) -> Answered:
    """Has the program learn a language and answer.

    Raises:
        Invalid: it does not, or takes longer than it may.
    """
    await box.put("/task", [
        FileSpec("text.npy", npy(lesson.text)), FileSpec("contexts.npy", npy(lesson.contexts)),
        FileSpec(OPERATIONS.name, OPERATIONS.read_bytes()),
    ])  # fmt: skip
    # The empty answer replaces what the run before may have left.
    await box.put("/work", [FileSpec("out.npy", b"")])
    cpu_seconds(box)  # A fault of the host where it cannot count them.
    # Isolated: what lies beside the program is not imported by what runs it.
    program = ["-I", f"/task/{OPERATIONS.name}", "lm.py"] if hidden.restricted else ["lm.py"]
    argv = ["python3", *program, "/task/text.npy", "/task/contexts.npy", "/work/out.npy"]
    await run_to_end(box, argv, "lm", cwd="/work/submission", seconds=hidden.seconds)
    data = await result(box, "out.npy", "probabilities")
    return judged(vector(data, lesson.right.size, "probabilities").reshape(lesson.right.shape), lesson.right)


def judged(found: Floats, right: Floats) -> Answered:
    """What an answer is worth.

    Raises:
        Invalid: a probability is below 0, or 0 where the symbol may come.
    """
    if (found <= 0).any():
        raise Invalid("probabilities_not_positive")
    whole = bool(np.all(np.abs(found.sum(axis=1) - 1) <= TOLERANCE))
    return Answered(divergence(right, found), whole)
