"""Grades a submission that is a function made faster: in a fresh box, beside the task's own in two others.

The first step is on the public cases alone: a function that is right on them and wrong on fresh ones, or several
times as fast on them, has their results built in.
"""

from collections.abc import Sequence
from math import log
from typing import Final

from sandbox.errors import BoxFault
from tasks.evidence import report_forged_in
from tasks.grading import Bench, Grade, Invalid, Submission
from tasks.laps import Lap, Speed, compare, enough
from tasks.pacing import Cases, Pace, Trial, Trials, Work
from tasks.reproduction import declared

MAX_BYTES: Final = 2**20
#: A function that needs less than this share of its usual time on the public cases has their results built in, if
#: on as many fresh ones it needs at least so many seconds: below, the cost of a step drowns it.
MEMORISED_SHARE: Final = 1 / 3
MEMORISED_SECONDS: Final = 0.02


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
    async with bench.box() as start, bench.box() as reference, bench.box() as box:
        trials = Trials(work, seed, box, start, reference)
        await trials.begin(public.size)
        try:
            await box.put("/work", declared(submission.work, "submission", f"{work.name}.py", MAX_BYTES))
            try:
                speed = await _measure(trials, pace, public, bench)
            finally:
                await report_forged_in(box, bench)
        except Invalid as error:
            return Grade(None, 0.0, await trials.alone(public), invalid=str(error))
        except BoxFault:
            return Grade(None, 0.0, await trials.alone(public), invalid="grading_box_broken")
    return Grade(speed.submission, 0.0, speed.reference, bound=log(speed.start_seconds / least))


async def _measure(trials: Trials, pace: Pace, public: Cases, bench: Bench) -> Speed:
    """How fast the submission is.

    Raises:
        Invalid, Unreadable: it gives no results, or a wrong one.
        GradingFault: ``unmeasurable``.
    """
    shown = await trials.shown(public)
    fresh, laps = [await trials.warm(pace.few(shown.cost.surely))], list[Lap]()
    while fresh[-1].whole and not enough(laps):
        trial, lap = await trials.lap(pace.calls(fresh[-1].cost.surely))
        fresh.append(trial)
        laps.append(lap)
    bench.emit("grade.development", development(shown, fresh))
    if not fresh[-1].whole:
        raise Invalid("wrong_results")
    return compare(trials.charged(laps))


def development(shown: Trial, fresh: Sequence[Trial]) -> dict[str, object]:
    """The data of ``grade.development``: seconds a call on public and on fresh cases, and the rule.

    Args:
        shown: the step on the public cases.
        fresh: the steps on cases that nobody saw.
    """
    costs = [trial.cost for trial in fresh]
    looked, right = sum(trial.looked for trial in fresh), sum(trial.right for trial in fresh)
    known = shown.cost.seconds
    seconds = sum(cost.spent for cost in costs) / sum(cost.calls for cost in costs)
    learned = shown.whole and right < looked / 2
    fast = seconds * shown.cost.calls >= MEMORISED_SECONDS and known < MEMORISED_SHARE * seconds
    remembered = any(trial.remembered for trial in fresh)
    return {
        "development": known, "heldout": seconds, "n_development": shown.looked, "n_heldout": looked,
        "measure": "processor seconds a call, smaller is better",
        "memorised": learned or fast or remembered,
        "rule": "public results right and most fresh ones wrong, or less than a third of the time on public "
                f"cases, or a result of another case; here {right} of {looked} fresh ones right, "
                f"{known / seconds:.2f} of the time, {'a' if remembered else 'no'} result of another",
    }  # fmt: skip
