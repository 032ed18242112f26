"""One invocation of ``tidegauge run``: from a config to results, verdict, MLflow and report."""

import asyncio
import contextlib
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments import drive, durable, rundir
from experiments.anchors import Anchors, head_path
from experiments.executors import Executor, LocalExecutor, default_slots, host_boxes
from experiments.identity import Secret, load_secret
from experiments.ledger import Ledger
from experiments.loading import load_config
from experiments.plan import Plan, Planned, extension, make_plan
from experiments.policy import load_policy
from experiments.progress import Progress
from experiments.reading import load_view
from experiments.rescan import write_findings
from experiments.rundir import Experiment
from experiments.verify import VERDICT
from sandbox.canonical import canonical
from sandbox.errors import TidegaugeError

if TYPE_CHECKING:
    from experiments.gate import Verdict
    from experiments.policy import Policy
    from experiments.view import RunView

REPORT = "report.html"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked on the command line."""

    config: Path
    overrides: tuple[str, ...]
    runs: Path
    #: One process, no Ray.
    local: bool
    #: At most so many missing episodes; None is all.
    limit: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """What an invocation leaves."""

    outcome: drive.Outcome
    view: "RunView"
    verdict: "Verdict"


def run(request: Request, say: Say) -> Result:
    """Plans, runs what is missing, and reads the result.

    Raises:
        Mistake: something in what was asked.
        KeyboardInterrupt: it was interrupted; what had ended is kept.
    """
    config = load_config(request.config, request.overrides)
    policy = load_policy(config.policy)
    secret = load_secret()
    plan = make_plan(config, secret, where=str(request.config))
    directory = rundir.ensure_run(request.runs, _experiment(plan, secret), secret)
    with rundir.locked(directory):
        experiment = rundir.read_experiment(directory)
        anchors = Anchors(directory, secret.anchor_key(experiment.id), head_path(secret, experiment.id))
        ledger = Ledger.open(directory, anchors)
        for repair in ledger.repairs:
            say(f"put right after a driver that died: {repair.text()}")
        lines = [planned.line for planned in plan.episodes]
        ledger.extend_plan(extension(ledger.plan, lines, where=str(request.config)))
        rundir.record_experiment(directory, _experiment(plan, secret, experiment), anchors)
        submitted = drive.missing(plan, ledger)[: request.limit]
        say(f"run {plan.run}: {len(plan.episodes)} episodes, {len(submitted)} to run")
        if submitted:
            asyncio.run(_drive(request, plan, directory, ledger, submitted, experiment.id))
        outcome = drive.outcome(plan, ledger, submitted)
        view, verdict = _conclude(directory, policy, anchors, config.tracking.uri, say)
    return Result(outcome, view, verdict)


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


async def _drive(
    request: Request, plan: Plan, directory: Path, ledger: Ledger, submitted: Sequence[Planned], owner: str
) -> None:
    """Runs what is missing; SIGTERM ends it as Ctrl-C does."""
    current = asyncio.current_task()
    if current is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, current.cancel)
    progress = Progress(len(plan.episodes), len(plan.episodes) - len(drive.missing(plan, ledger)))
    try:
        async with _executor(request, plan, directory, owner, progress.say) as executor:
            driver = drive.Driver(plan, directory, ledger, executor=executor, progress=progress, owner=owner)
            await driver.run(submitted)
    finally:
        progress.close()


@contextlib.asynccontextmanager
async def _executor(
    request: Request, plan: Plan, directory: Path, owner: str, say: Say
) -> AsyncIterator[Executor]:
    config = plan.config
    settings = (config.sandbox.image, plan.runtime, owner)
    if request.local:
        yield LocalExecutor(default_slots(), await asyncio.to_thread(host_boxes, *settings))
        return
    from experiments.ray_engine import ray_executor

    witness = directory / rundir.EXPERIMENT
    async with ray_executor(
        config.ray.address, default_slots(), runner=settings, witness=witness, say=say
    ) as executor:
        yield executor


def _conclude(
    directory: Path, policy: "Policy", anchors: Anchors, uri: str | None, say: Say
) -> "tuple[RunView, Verdict]":
    """Findings of abandoned attempts, verdict, MLflow and report, from the run directory alone."""
    from experiments import report
    from experiments.gate import judge

    write_findings(directory)
    view = load_view(directory)
    verdict = judge(policy, view)
    text = canonical(verdict.as_json()).decode("utf-8")
    anchors.append("verdict", [text])
    durable.replace(directory / VERDICT, text.encode("utf-8"))
    durable.replace(directory / REPORT, report.html(view, verdict).encode("utf-8"))
    tags = {"tidegauge.anchors_head": anchors.head.hash, "tidegauge.anchors_count": str(anchors.head.count)}
    try_sync(view, verdict, uri, tags, say)
    return view, verdict


def try_sync(view: "RunView", verdict: "Verdict", uri: str | None, tags: dict[str, str], say: Say) -> None:
    """Brings MLflow up to date. It is a window on the run, so its failure is said and costs no result."""
    from mlflow.exceptions import MlflowException

    from experiments import store

    try:
        store.sync(view, verdict, uri=uri, tags=tags, say=say)
    except (MlflowException, OSError, TidegaugeError) as error:
        first = str(error).strip().split("\n", 1)[0]
        say(f"MLflow was not brought up to date: {first}; `tidegauge sync {view.name}` does it later")
