"""A person's decision on a run's verdict, signed as the run's other records are."""

from pathlib import Path
from typing import TYPE_CHECKING

from experiments.reading.reading import load_view
from experiments.reading.recorded import DecisionKind, record_decision
from experiments.record.anchors import Anchors, head_path
from experiments.record.identity import SECRET_VARIABLE, Secret
from experiments.record.ledger import Ledger
from experiments.record.locking import locked
from experiments.record.rundir import read_experiment
from experiments.running.concluding import conclude, own_baseline, own_policy
from sandbox.errors import Mistake

if TYPE_CHECKING:
    from experiments.verdict.gate import Verdict


def approve(
    directory: Path, secret: Secret | None, name: str, decision: DecisionKind, reason: str
) -> "Verdict":
    """Records what ``name`` decides on the run as it is now; the verdict that then stands.

    Verdict and report are written anew, so that they show it. A decision counts for this evidence and
    this policy alone: new results ask for a new one.

    Raises:
        Mistake: the secret here is not the run's, a driver is at work, the run was edited, or the name or
            the reason cannot be shown.
    """
    experiment = read_experiment(directory)
    if secret is None or secret.fingerprint != experiment.secret:
        remedy = f"decide where the run was driven, or set {SECRET_VARIABLE}"
        raise Mistake("the secret here is not this run's", where=str(directory), remedy=remedy)
    policy = own_policy(directory)
    with locked(directory):
        anchors = Anchors(directory, secret.anchor_key(experiment.id), head_path(secret, experiment.id))
        Ledger.open(directory, anchors)
        state = load_view(directory, check=False).state
        record_decision(name, decision, reason, policy=policy, state=state, opened=anchors)
        return conclude(directory, anchors, policy, own_baseline(directory))[1]
