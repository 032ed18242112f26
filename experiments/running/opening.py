"""The run directory of a plan: made or opened, locked, put right, and its plan extended."""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from experiments.planning.extending import extension
from experiments.planning.plan import Plan
from experiments.record import rundir
from experiments.record.anchors import Anchors, head_path
from experiments.record.identity import Secret
from experiments.record.ledger import Ledger
from experiments.record.locking import locked
from experiments.record.rundir import Experiment

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that this process drives: locked, put right, its plan extended by what is asked."""

    plan: Plan
    directory: Path
    #: Label of the run's containers.
    owner: str
    anchors: Anchors
    ledger: Ledger


@contextlib.contextmanager
def open_run(plan: Plan, secret: Secret, *, runs: Path, where: str, say: Say) -> Iterator[OpenRun]:
    """Makes or opens the run of ``plan`` and holds its lock.

    Raises:
        Mistake: another driver holds it, it was edited, or the plan contradicts its own.
    """
    directory = rundir.ensure_run(runs, _experiment(plan, secret), secret)
    with locked(directory):
        experiment = rundir.read_experiment(directory)
        anchors = Anchors(directory, secret.anchor_key(experiment.id), head_path(secret, experiment.id))
        ledger = Ledger.open(directory, anchors)
        for repair in ledger.repairs:
            say(f"put right after a driver that died: {repair.text()}")
        fresh = extension(ledger.plan, [planned.line for planned in plan.episodes], where=where)
        ledger.extend_plan(fresh)
        rundir.record_experiment(directory, _experiment(plan, secret, experiment), anchors)
        yield OpenRun(plan, directory, experiment.id, anchors, ledger)


def _experiment(plan: Plan, secret: Secret, before: Experiment | None = None) -> Experiment:
    """The run as ``experiment.yaml`` states it; id and birth stay those of ``before``."""
    config = plan.config
    return Experiment(
        id=before.id if before else secrets.token_hex(16),
        run=plan.run,
        suite=config.suite,
        version=config.version,
        hash=plan.hash,
        secret=secret.fingerprint,
        created=before.created if before else int(time.time()),
        tasks=plan.tasks,
        scaffold=plan.scaffold,
        config=config.model_dump(mode="json", exclude_none=True),
    )
