"""Grades research/fixweights: runs the submitted network, numbers and no program, on held-out rows.

Nothing of the agent's is run anywhere, and there is no public answer to build in: what is submitted are
matrices of the network's own shapes, and the labels exist on the host alone. What is left of dishonesty
is a result file, which is reported, and labels from elsewhere, which the bound shows: no classifier
that was not given them is better than the best one for the distribution that the rows come from.
"""

from math import log, sqrt

from tasks.grading import Bench, Grade, Invalid, Submission
from tasks.npy import matrix
from tasks.suite.research.fixweights.environment import networks
from tasks.suite.research.fixweights.world import Hidden


async def grade(hidden: Hidden, submission: Submission, bench: Bench) -> Grade:
    """y = -log of the error on held-out rows."""
    try:
        network = _submitted(hidden.drawn, submission)
    except Invalid as error:
        return _result(hidden, None, str(error))
    return _result(hidden, networks.error(network, hidden.drawn.heldout), None)


def _result(hidden: Hidden, error: float | None, invalid: str | None) -> Grade:
    n = len(hidden.drawn.heldout.labels)
    # An error of 0 has no logarithm; the smallest that counts is half a row.
    least = 0.5 / n
    best = max(hidden.drawn.bayes, least)
    return Grade(
        y=None if error is None else -log(max(error, least)),
        start=-log(hidden.start_error),
        reference=-log(hidden.intact_error),
        bound=-log(best),
        # Of the logarithm of the best classifier's error, whose errors are binomial (delta method).
        se=sqrt((1 - best) / (best * n)),
        invalid=invalid,
    )


def _submitted(drawn: networks.Drawn, submission: Submission) -> dict[str, networks.Floats]:
    """The layers' matrices, of the shapes that they began with.

    Raises:
        Invalid: one is missing or of another form, by cause.
    """
    network = {}
    for name, damaged in drawn.damaged.items():
        data = submission.work.files.get(f"model/{name}.npy")
        if data is None:
            raise Invalid("no_layer")
        rows, columns = damaged.shape
        network[name] = matrix(data, (rows, columns), "layer")
    return network
