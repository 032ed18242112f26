"""Grades a submission of ml/tab: runs its predict.py in a fresh box on rows it has not seen.

Development rows are mixed, unmarked, among the held-out rows: a submission whose error on them lies
far below the noise, which no honest predictor can reach, has their targets built in.
"""

import io
from math import log, sqrt
from typing import Final

import numpy as np

from sandbox.box import Box
from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from tasks.evidence import report_forged_in
from tasks.grading import Bench, Grade, Submission
from tasks.npy import Unreadable, vector
from tasks.suite.ml.tab.environment.tables import Floats
from tasks.suite.ml.tab.world import Hidden

SECONDS: Final = 20.0
MAX_BYTES: Final = 8 * 2**20
#: Of the noise's standard deviation; an error below this share of it is impossible (chi-square of
#: 1000 degrees of freedom below 250: probability under 1e-100).
MEMORISED_SHARE: Final = 0.5
_ENVIRONMENT: Final = {
    "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp",
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
}  # fmt: skip
#: An error of 0 has no logarithm; what is smaller counts as this.
_SMALLEST_ERROR: Final = 1e-9


class _Invalid(Exception):
    """The submission gave no valid result; the text is the cause."""


async def grade(hidden: Hidden, submission: Submission, bench: Bench) -> Grade:
    """y = -log of the root mean squared error on held-out rows."""
    n = len(hidden.heldout.y)
    try:
        predicted = await _predictions(hidden, submission, bench)
        heldout = _error(predicted[:n], hidden.heldout.y)
        development = _error(predicted[n:], hidden.development.y)
    except (_Invalid, Unreadable) as error:
        return _result(hidden, None, str(error))
    except BoxFault:
        return _result(hidden, None, "grading_box_broken")
    floor = MEMORISED_SHARE * hidden.noise
    bench.emit("grade.development", {
        "development": development, "heldout": heldout,
        "n_development": len(hidden.development.y), "n_heldout": n,
        "measure": "root mean squared error, smaller is better",
        "memorised": development < floor,
        "rule": f"development error below {floor:g}, half the noise of the data",
    })  # fmt: skip
    return _result(hidden, heldout, None)


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
    files = _submitted(submission)
    rows = np.concatenate([hidden.heldout.x, hidden.development.x])[hidden.order]
    async with bench.box() as box:
        await box.put("/work", [*files, FileSpec("in.npy", _npy(rows))])
        try:
            shown = await _run(box, len(rows))
        finally:
            await report_forged_in(box, bench)
    predicted = np.empty(len(rows))
    predicted[hidden.order] = shown
    return predicted


def _submitted(submission: Submission) -> list[FileSpec]:
    work = submission.work
    files = [FileSpec(path, data) for path, data in work.files.items() if path.startswith("submission/")]
    if "submission/predict.py" not in work.files:
        raise _Invalid("no_predict_py")
    if any(path.startswith("submission/") for path, _ in work.left):
        raise _Invalid("submission_not_collected")
    if sum(len(file.content) for file in files) > MAX_BYTES:
        raise _Invalid("submission_too_large")
    return files


async def _run(box: Box, n: int) -> Floats:
    try:
        done = await box.run(
            ["python3", "predict.py", "/work/in.npy", "/work/out.npy"],
            cwd="/work/submission", env=dict(_ENVIRONMENT), output=65_536, timeout=SECONDS,
        )  # fmt: skip
    except TimeoutError as error:
        raise _Invalid("predict_timeout") from error
    if done.code != 0:
        raise _Invalid("predict_failed")
    await box.kill_all()
    data = (await box.read("/work", ["out.npy"])).files.get("out.npy")
    if data is None:
        raise _Invalid("no_predictions")
    return vector(data, n)


def _error(predicted: Floats, y: Floats) -> float:
    with np.errstate(over="ignore"):
        error = float(np.sqrt(np.mean((predicted - y) ** 2)))
    if not np.isfinite(error):
        raise _Invalid("predictions_not_finite")
    return error


def _npy(rows: Floats) -> bytes:
    file = io.BytesIO()
    np.save(file, rows)
    return file.getvalue()
