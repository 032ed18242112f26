"""Grades judgement/hpo: the noiseless loss of the settings that were recommended.

Nothing of the agent's runs. The one file that it delivers is a JSON object of settings.
"""

from typing import Final

from tasks.grading import Bench, Grade, Submission
from tasks.suite.judgement.hpo.world import Hidden
from tasks.trials import Unfit, settings_in

RECOMMENDATION: Final = "recommendation.json"


async def grade(hidden: Hidden, submission: Submission, bench: Bench) -> Grade:
    """y = -(loss of the recommendation - loss of the optimum), both noiseless."""
    try:
        settings = settings_in(submission.work.files.get(RECOMMENDATION))
        excess = hidden.excess(settings)
    except Unfit as error:
        return _result(hidden, None, str(error))
    bench.emit("grade.recommendation", {
        "settings": settings, "regret": excess, "actual": hidden.surface.best + excess, "predicted": None,
        "used": hidden.trials.used, "budget": hidden.trials.budget,
    })  # fmt: skip
    return _result(hidden, -excess, None)


def _result(hidden: Hidden, y: float | None, invalid: str | None) -> Grade:
    return Grade(y, -hidden.start, -hidden.reference, bound=0.0, invalid=invalid)
