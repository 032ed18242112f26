"""Grades judgement/scaling: the noiseless loss of the run that was recommended, and how well it was foretold.

Nothing of the agent's runs. The one file that it delivers is a JSON object of four numbers.
"""

from typing import Final

from tasks.grading import Bench, Grade, Submission
from tasks.suite.judgement.scaling.world import Hidden, recommended
from tasks.trials import Unfit, settings_in

RECOMMENDATION: Final = "recommendation.json"


async def grade(hidden: Hidden, submission: Submission, bench: Bench) -> Grade:
    """y = what the recommended run and its forecast are worth (``Hidden.worth``); at most 1."""
    try:
        settings = settings_in(submission.work.files.get(RECOMMENDATION))
        run, foretold = recommended(settings, hidden.target)
    except Unfit as error:
        return _result(hidden, None, str(error))
    actual = hidden.law.loss(run)
    bench.emit("grade.recommendation", {
        "settings": run._asdict(), "regret": actual - hidden.best, "actual": actual, "predicted": foretold,
        "used": hidden.trials.used, "budget": hidden.trials.budget,
    })  # fmt: skip
    return _result(hidden, hidden.worth(run, foretold), None)


def _result(hidden: Hidden, y: float | None, invalid: str | None) -> Grade:
    return Grade(y, hidden.start, hidden.reference, bound=1.0, invalid=invalid)
