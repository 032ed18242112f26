"""Grades performance/kernel: times the submitted kernel in a fresh box, in turn with the task's own in another.

The first run is on the public cases alone: a kernel that is right on them and wrong on fresh ones, or several
times as fast on them, has their results built in.
"""

from collections.abc import Sequence
from math import log
from statistics import median
from typing import Final

from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from tasks.evidence import report_forged_in
from tasks.grading import Bench, Grade, Submission
from tasks.npy import Unreadable
from tasks.suite.performance.kernel.trials import Invalid, Trial, Trials
from tasks.suite.performance.kernel.world import Hidden
from tasks.timing import Anchor, Speed, Turn, compare, enough

MAX_BYTES: Final = 2**20
#: A kernel that needs less than this share of its usual time on the public cases has their results built in, if
#: on as many fresh ones it needs at least so many seconds: below, the cost of starting a run drowns it.
MEMORISED_SHARE: Final = 1 / 3
MEMORISED_SECONDS: Final = 0.02
#: Bytes a second that no processor copies: inputs are read and results written at least.
FASTEST: Final = 1e11
_PLACE: Final = "submission/"


async def grade(hidden: Hidden, submission: Submission, bench: Bench) -> Grade:
    """y = logarithm of how many times as fast as the start, in processor time; start = 0."""
    async with bench.box() as anchors, bench.box() as box:
        trials = Trials(hidden, box, anchors)
        await trials.begin_anchors()
        first = await trials.anchor()
        try:
            await box.put("/work", _submitted(submission))
            try:
                speed = await _measure(trials, hidden, first, bench)
            finally:
                await report_forged_in(box, bench)
        except (Invalid, Unreadable) as error:
            return _invalid(first, str(error))
        except BoxFault:
            return _invalid(first, "grading_box_broken")
    # To read the inputs and to write the results takes at least as long.
    least = 2 * hidden.right[0].nbytes / FASTEST
    return Grade(speed.submission, 0.0, speed.reference, bound=log(speed.start_seconds / least))


def _invalid(own: Anchor, cause: str) -> Grade:
    return Grade(None, 0.0, log(own.start / own.reference), invalid=cause)


def _submitted(submission: Submission) -> list[FileSpec]:
    work = submission.work
    if _PLACE + "kernel.py" not in work.files:
        raise Invalid("no_kernel_py")
    if any(path.startswith(_PLACE) for path, _ in work.left):
        raise Invalid("submission_not_collected")
    files = [FileSpec(path, data) for path, data in work.files.items() if path.startswith(_PLACE)]
    if sum(len(file.content) for file in files) > MAX_BYTES:
        raise Invalid("submission_too_large")
    return files


async def _measure(trials: Trials, hidden: Hidden, first: Anchor, bench: Bench) -> Speed:
    """How fast the submission is.

    Raises:
        Invalid, Unreadable: it gives no results, or a wrong one.
        GradingFault: ``unmeasurable``.
    """
    await trials.begin()
    public = await trials.public()
    await trials.begin()
    before = await trials.anchor()
    known = Turn(first, public.cpu, public.calls, before)
    turns, fresh = list[Turn](), list[Trial]()
    while not enough(turns):
        trial = await trials.fresh(hidden.knobs.calls((turns or [known])[-1].surely))
        after = await trials.anchor()
        turns.append(Turn(before, trial.cpu, trial.calls, after))
        fresh.append(trial)
        before = after
        if trial.right < trial.calls:
            break
    bench.emit("grade.development", development(known, public, turns, fresh))
    if fresh[-1].right < fresh[-1].calls:
        raise Invalid("wrong_results")
    return compare(trials.charged(turns))


def development(
    known: Turn, public: Trial, turns: Sequence[Turn], fresh: Sequence[Trial]
) -> dict[str, object]:
    """The data of ``grade.development``: seconds a call on public and on fresh cases, and the rule.

    Args:
        known: the cost of ``public``, the step on the public cases.
        turns: the cost of each of ``fresh``, the steps on cases that nobody saw.
    """
    calls, right = sum(trial.calls for trial in fresh), sum(trial.right for trial in fresh)
    seconds = median(turn.seconds for turn in turns)
    learned = public.right == public.calls and right < calls / 2
    fast = seconds * public.calls >= MEMORISED_SECONDS and known.seconds < MEMORISED_SHARE * seconds
    stale = any(trial.stale for trial in fresh)
    return {
        "development": known.seconds, "heldout": seconds, "n_development": public.calls, "n_heldout": calls,
        "measure": "processor seconds a call, smaller is better",
        "memorised": learned or fast or stale,
        "rule": "public results right and most fresh ones wrong, or less than a third of the time on public "
                f"cases, or a result of another case; here {right} of {calls} fresh ones right, "
                f"{known.seconds / seconds:.2f} of the time, {'a' if stale else 'no'} result of another case",
    }  # fmt: skip
