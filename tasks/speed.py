"""Grades a submission that is a function made faster: in a fresh box, in turn with the task's own in another.

The first step is on the public cases alone: a function that is right on them and wrong on fresh ones, or several
times as fast on them, has their results built in.
"""

from collections.abc import Sequence
from math import log
from statistics import median
from typing import Final

from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from tasks.evidence import report_forged_in
from tasks.grading import Bench, Grade, Invalid, Submission
from tasks.pacing import Cases, Pace, Trial, Trials, Work
from tasks.timing import Anchor, Speed, Turn, compare, enough

MAX_BYTES: Final = 2**20
#: A function that needs less than this share of its usual time on the public cases has their results built in, if
#: on as many fresh ones it needs at least so many seconds: below, the cost of a step drowns it.
MEMORISED_SHARE: Final = 1 / 3
MEMORISED_SECONDS: Final = 0.02
_PLACE: Final = "submission/"


async def grade_speed(
    work: Work, pace: Pace, public: Cases, seed: bytes, least: float, submission: Submission, bench: Bench
) -> Grade:
    """y = logarithm of how many times as fast as the start, in processor time; start = 0.

    Args:
        work: the function.
        pace: how steps are sized.
        public: the cases that the agent was given.
        seed: of the fresh cases.
        least: processor seconds that no call can take less than.
        submission: what was submitted.
        bench: where it is graded.
    """
    async with bench.box() as anchors, bench.box() as box:
        trials = Trials(work, pace, seed, box, anchors)
        await trials.begin_anchors()
        first = await trials.anchor()
        try:
            await box.put("/work", submitted(submission, f"{work.name}.py"))
            try:
                speed = await _measure(trials, pace, public, first, bench)
            finally:
                await report_forged_in(box, bench)
        except Invalid as error:
            return _invalid(first, str(error))
        except BoxFault:
            return _invalid(first, "grading_box_broken")
    return Grade(speed.submission, 0.0, speed.reference, bound=log(speed.start_seconds / least))


def _invalid(own: Anchor, cause: str) -> Grade:
    return Grade(None, 0.0, log(own.start / own.reference), invalid=cause)


def submitted(submission: Submission, program: str) -> list[FileSpec]:
    """The files of /work/submission, ``program`` among them.

    Raises:
        Invalid: it is not there, or they are not whole or too large.
    """
    work = submission.work
    if _PLACE + program not in work.files:
        raise Invalid(f"no_{program.replace('.', '_')}")
    if any(path.startswith(_PLACE) for path, _ in work.left):
        raise Invalid("submission_not_collected")
    files = [FileSpec(path, data) for path, data in work.files.items() if path.startswith(_PLACE)]
    if sum(len(file.content) for file in files) > MAX_BYTES:
        raise Invalid("submission_too_large")
    return files


async def _measure(trials: Trials, pace: Pace, public: Cases, first: Anchor, bench: Bench) -> Speed:
    """How fast the submission is.

    Raises:
        Invalid, Unreadable: it gives no results, or a wrong one.
        GradingFault: ``unmeasurable``.
    """
    await trials.begin()
    shown = await trials.on(public)
    await trials.begin()
    before = await trials.anchor()
    known = Turn(first, shown.cpu, shown.calls, before)
    turns, fresh = list[Turn](), list[Trial]()
    while not enough(turns):
        trial = await trials.fresh(pace.calls((turns or [known])[-1].surely))
        after = await trials.anchor()
        turns.append(Turn(before, trial.cpu, trial.calls, after))
        fresh.append(trial)
        before = after
        if trial.right < trial.calls:
            break
    bench.emit("grade.development", development(known, shown, turns, fresh))
    if fresh[-1].right < fresh[-1].calls:
        raise Invalid("wrong_results")
    return compare(trials.charged(turns))


def development(
    known: Turn, shown: Trial, turns: Sequence[Turn], fresh: Sequence[Trial]
) -> dict[str, object]:
    """The data of ``grade.development``: seconds a call on public and on fresh cases, and the rule.

    Args:
        known: the cost of ``shown``, the step on the public cases.
        turns: the cost of each of ``fresh``, the steps on cases that nobody saw.
    """
    calls, right = sum(trial.calls for trial in fresh), sum(trial.right for trial in fresh)
    seconds = median(turn.seconds for turn in turns)
    learned = shown.right == shown.calls and right < calls / 2
    fast = seconds * shown.calls >= MEMORISED_SECONDS and known.seconds < MEMORISED_SHARE * seconds
    remembered = any(trial.remembered for trial in fresh)
    return {
        "development": known.seconds, "heldout": seconds, "n_development": shown.calls, "n_heldout": calls,
        "measure": "processor seconds a call, smaller is better",
        "memorised": learned or fast or remembered,
        "rule": "public results right and most fresh ones wrong, or less than a third of the time on public "
                f"cases, or a result of another case; here {right} of {calls} fresh ones right, "
                f"{known.seconds / seconds:.2f} of the time, {'a' if remembered else 'no'} result of another",
    }  # fmt: skip
