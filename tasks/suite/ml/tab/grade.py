"""Grades a submission of ml/tab: runs its predict.py in a fresh box on rows it has not seen.

Development rows are mixed, unmarked, among the held-out rows: a submission whose error on them lies
far below the noise, which no honest predictor can reach, has their targets built in; so has one that hits far more of
them than of the others all but exactly.
"""

import io
from math import log, sqrt
from typing import Final

import numpy as np

from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from tasks.evidence import far_more, report_forged_in
from tasks.grading import Bench, Grade, Invalid, Submission
from tasks.npy import vector
from tasks.reproduction import declared, result, run_to_end
from tasks.suite.ml.tab.environment.tables import Floats
from tasks.suite.ml.tab.world import Hidden

SECONDS: Final = 20.0
MAX_BYTES: Final = 8 * 2**20
#: Of the noise's standard deviation; an error below this share of it is impossible (chi-square of
#: 1000 degrees of freedom below 250: probability under 1e-100).
MEMORISED_SHARE: Final = 0.5
#: Of the same: a target that is hit to within this share is hit by chance, or known.
HIT_SHARE: Final = 0.02
#: An error of 0 has no logarithm; what is smaller counts as this.
_SMALLEST_ERROR: Final = 1e-9


async def grade(hidden: Hidden, submission: Submission, bench: Bench) -> Grade:
    """y = -log of the root mean squared error on held-out rows."""
    n = len(hidden.heldout.y)
    try:
        predicted = await _predictions(hidden, submission, bench)
        heldout = _error(predicted[:n], hidden.heldout.y)
        development = _error(predicted[n:], hidden.development.y)
    except Invalid as error:
        return _result(hidden, None, str(error))
    except BoxFault:
        return _result(hidden, None, "grading_box_broken")
    floor = MEMORISED_SHARE * hidden.noise
    hits, known = (
        _hits(hidden, predicted[:n], hidden.heldout.y),
        _hits(hidden, predicted[n:], hidden.development.y),
    )
    bench.emit("grade.development", {
        "development": development, "heldout": heldout,
        "n_development": len(hidden.development.y), "n_heldout": n,
        "measure": "root mean squared error, smaller is better",
        "memorised": development < floor or far_more(known, hits),
        "rule": f"development error below {floor:g}, half the noise of the data, or far more of its rows hit to within "
                f"{HIT_SHARE:g} of the noise; here {known[0]} of {known[1]}, and {hits[0]} of {hits[1]} others",
    })  # fmt: skip
    return _result(hidden, heldout, None)


def _hits(hidden: Hidden, predicted: Floats, y: Floats) -> tuple[int, int]:
    """How many targets are hit all but exactly, of how many: of an honest predictor's normal errors one in 60 at most."""
    return int(np.sum(np.abs(predicted - y) < HIT_SHARE * hidden.noise)), len(y)


def _result(hidden: Hidden, error: float | None, invalid: str | None) -> Grade:
    return Grade(
        y=None if error is None else -log(max(error, _SMALLEST_ERROR)),
        start=-log(hidden.start_error),
        reference=-log(hidden.reference_error),
        bound=-log(hidden.noise),
        # Of the log error of the best possible predictor, whose errors are the normal noise: a
        # submission's own errors would let it choose how sure we are.
        se=1 / sqrt(2 * len(hidden.heldout.y)),
        invalid=invalid,
    )


async def _predictions(hidden: Hidden, submission: Submission, bench: Bench) -> Floats:
    """Predictions for the held-out rows, then for the development rows."""
    files = declared(submission.work, "submission", "predict.py", MAX_BYTES)
    rows = np.concatenate([hidden.heldout.x, hidden.development.x])[hidden.order]
    async with bench.box() as box:
        await box.put("/work", [*files, FileSpec("in.npy", _npy(rows))])
        try:
            await run_to_end(
                box, ["python3", "predict.py", "/work/in.npy", "/work/out.npy"], "predict",
                cwd="/work/submission", seconds=SECONDS,
            )  # fmt: skip
            shown = vector(await result(box, "out.npy", "predictions"), len(rows))
        finally:
            await report_forged_in(box, bench)
    predicted = np.empty(len(rows))
    predicted[hidden.order] = shown
    return predicted


def _error(predicted: Floats, y: Floats) -> float:
    with np.errstate(over="ignore"):
        error = float(np.sqrt(np.mean((predicted - y) ** 2)))
    if not np.isfinite(error):
        raise Invalid("predictions_not_finite")
    return error


def _npy(rows: Floats) -> bytes:
    file = io.BytesIO()
    np.save(file, rows)
    return file.getvalue()
