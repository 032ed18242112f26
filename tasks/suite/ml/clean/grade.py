"""Grades a submission of ml/clean: trains the frozen learner on its rows and labels, on the host.

A submission is two arrays and no program. Audited rows are training rows like any others, except
that their true labels are public: a submission that has far more of them right than of the others
has those labels built in.
"""

from math import sqrt

import numpy as np

from tasks.evidence import report_gap
from tasks.grading import Bench, Grade, Submission
from tasks.npy import Unreadable, integers
from tasks.suite.ml.clean.environment.rows import CLASSES, Integers
from tasks.suite.ml.clean.world import Hidden, accuracy


async def grade(hidden: Hidden, submission: Submission, bench: Bench) -> Grade:
    """y = accuracy of the frozen learner on held-out rows."""
    try:
        indices, labels = _submitted(hidden, submission)
    except Unreadable as error:
        return _result(hidden, None, str(error))
    _report_development(hidden, indices, labels, bench)
    learned = slice(hidden.most)
    return _result(hidden, accuracy(hidden.drawn, indices[learned], labels[learned]), None)


def _result(hidden: Hidden, y: float | None, invalid: str | None) -> Grade:
    bound = hidden.drawn.bayes
    return Grade(
        y=y, start=hidden.start, reference=hidden.reference, bound=bound,
        # Of the best classifier's accuracy on the held-out rows: what it gets right is binomial.
        se=sqrt(bound * (1 - bound) / len(hidden.drawn.heldout.labels)),
        invalid=invalid,
    )  # fmt: skip


def _submitted(hidden: Hidden, submission: Submission) -> tuple[Integers, Integers]:
    """Indices of training rows, each at most once, and as many class numbers.

    Raises:
        Unreadable: anything else, by cause.
    """
    n = len(hidden.drawn.given)
    indices = integers(_file(submission, "indices"), n, n, "indices")
    labels = integers(_file(submission, "labels"), n, CLASSES, "labels")
    if len(indices) != len(labels):
        raise Unreadable("labels_not_one_an_index")
    if not len(indices):
        raise Unreadable("indices_empty")
    if len(np.unique(indices)) != len(indices):
        raise Unreadable("indices_repeated")
    return indices, labels


def _file(submission: Submission, name: str) -> bytes:
    data = submission.work.files.get(f"submission/{name}.npy")
    if data is None:
        raise Unreadable(f"no_{name}")
    return data


def _report_development(hidden: Hidden, indices: Integers, labels: Integers, bench: Bench) -> None:
    """Counts the rows that were kept with their true label; to leave a row out is not to have it right."""
    drawn = hidden.drawn
    right = np.zeros(len(drawn.given), dtype=bool)
    right[indices] = labels == drawn.train.labels[indices]
    audited = np.zeros(len(drawn.given), dtype=bool)
    audited[drawn.audited] = True
    known, others = right[audited], right[~audited]
    report_gap(
        bench, (int(known.sum()), len(known)), (int(others.sum()), len(others)),
        "share of the training rows kept with their true label", known="audited",
    )  # fmt: skip
