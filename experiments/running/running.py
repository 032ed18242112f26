"""One invocation of ``tidegauge run``: from a config to results, verdict, MLflow and report."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.attempts import containment
from experiments.attempts.executors import Executor, LocalExecutor, default_slots, host_boxes, settle
from experiments.calibration import kept as calibration
from experiments.planning import public
from experiments.planning.config import Config
from experiments.planning.loading import key_variables, load_config, named_files
from experiments.planning.plan import Plan, Planned, make_plan
from experiments.planning.policy import load_policy
from experiments.reading.recorded import record_policy
from experiments.record import durable, rundir
from experiments.record.identity import Secret, load_secret
from experiments.record.locking import locked
from experiments.record.rescan import write_findings
from experiments.results.baseline import check_asked
from experiments.running import drive, endpoints, preflight
from experiments.running.concluding import conclude
from experiments.running.opening import OpenRun, open_run
from experiments.running.progress import Progress
from experiments.verdict.reference import with_looks
from sandbox.errors import EngineFault, TidegaugeError

if TYPE_CHECKING:
    from experiments.reading.view import RunView
    from experiments.verdict.gate import Verdict

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
    #: Episodes at a time on this machine; None is what it carries.
    slots: int | None = None
    #: The checkpoint to compare with, as it is asked for.
    baseline: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What an invocation leaves."""

    outcome: drive.Outcome
    #: Episodes that were missing and that this invocation ran.
    ran: int
    view: "RunView"
    verdict: "Verdict"


def run(request: Request, say: Say, executor: Executor | None = None) -> Result:
    """Plans, runs what is missing, and reads the result.

    Args:
        request: what was asked.
        say: takes lines for the user.
        executor: runs the attempts; None makes the one that was asked for.

    Raises:
        Mistake: something in what was asked.
        KeyboardInterrupt: it was interrupted; what had ended is kept.
    """
    where = str(request.config)
    config = load_config(request.config, request.overrides, request.runs)
    policy = load_policy(config.policy, where=where)
    secret = load_secret()
    plan = _plan(config, secret, request.runs, where)
    if request.baseline is not None:
        check_asked(request.baseline, plan, drive.so_far(request.runs / plan.run)[0], request.runs)
    waiting = _waiting(plan, request)
    endpoints.check(waiting, config.models, where=where)
    selftest = None
    if executor is None and waiting:
        preflight.check(config, runs=request.runs, runtime=plan.runtime, local=request.local, where=where)
        plan = public.grounded(plan, waiting, say)
        selftest = containment.before(config, plan.runtime, local=request.local, where=where, say=say)
    with open_run(plan, secret, runs=request.runs, where=where, say=say) as opened:
        record_policy(policy, opened.anchors)
        if selftest is not None:
            containment.store(opened.directory, selftest, opened.anchors)
        public.store(opened.directory, plan, opened.anchors)
        submitted = _run_missing(opened, request, executor, say)
        outcome = drive.outcome(plan, opened.ledger, submitted)
        calibration.store(opened.directory, opened.anchors)
        view, verdict = conclude(opened.directory, opened.anchors, policy, request.baseline)
        try_sync(view, verdict, config.tracking.uri, say)
    return Result(outcome, len(submitted), view, verdict)


def _plan(config: Config, secret: Secret, runs: Path, where: str) -> Plan:
    """The plan, with the looks of reference agents that the run as it is stored asks for."""
    plan = make_plan(config, secret, where=where)
    if all(entry.agent is None for entry in config.models):
        return plan
    stored, done = drive.so_far(runs / plan.run)
    return make_plan(with_looks(config, stored, done), secret, where=where)


def _waiting(plan: Plan, request: Request) -> list[Planned]:
    """What this invocation will run, by what is on disk before the run is opened."""
    directory = request.runs / plan.run
    if (directory / rundir.EXPERIMENT).is_file():
        rundir.read_experiment(directory)
        # Another driver is told of before this one spends time on looking at the machine.
        with locked(directory):
            pass
    return drive.unfinished(plan, directory)[: request.limit]


def _run_missing(opened: OpenRun, request: Request, executor: Executor | None, say: Say) -> list[Planned]:
    """Runs what is missing, as far as the request asks for it; the episodes that were to run."""
    plan = opened.plan
    missing = drive.missing(plan, opened.ledger)
    submitted = missing[: request.limit]
    asked = f"{len(submitted)} of " if len(submitted) < len(missing) else ""
    new = f"{asked}{len(missing)} to run" if missing else "nothing new to run"
    say(f"run {plan.run}: {len(plan.episodes)} episodes, {new}")
    try:
        if submitted:
            asyncio.run(_drive(opened, submitted, request, executor))
    except asyncio.CancelledError:
        # SIGTERM: for everybody above, the same as Ctrl-C.
        raise KeyboardInterrupt from None
    finally:
        with durable.undisturbed():
            opened.ledger.settle()
            write_findings(opened.directory, opened.anchors)
    return submitted


async def _drive(
    opened: OpenRun, submitted: Sequence[Planned], request: Request, executor: Executor | None
) -> None:
    """Runs what is missing; SIGTERM ends it as Ctrl-C does."""
    plan, ledger = opened.plan, opened.ledger
    current = asyncio.current_task()
    done = len(plan.episodes) - len(drive.missing(plan, ledger))
    progress = Progress(done + len(submitted), done)
    making = (
        _executor(opened, request, progress.say) if executor is None else contextlib.nullcontext(executor)
    )
    try:
        async with making as ready:
            if current is not None:
                # Only now: Ray sets a handler of its own when it starts.
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, current.cancel)
            driver = drive.Driver(
                plan, opened.directory, ledger, executor=ready, progress=progress, owner=opened.owner
            )
            try:
                await driver.run(submitted)
            except asyncio.CancelledError:
                progress.say("stopping: boxes are removed, what had ended is kept")
                raise
    finally:
        progress.close()


@contextlib.asynccontextmanager
async def _executor(opened: OpenRun, request: Request, say: Say) -> AsyncIterator[Executor]:
    config = opened.plan.config
    settings = (config.sandbox.image, opened.plan.runtime, opened.owner)
    slots = request.slots or default_slots()
    if request.local:
        boxes = await asyncio.to_thread(host_boxes, *settings, slots)
        try:
            yield LocalExecutor(slots, boxes)
        finally:
            await boxes.close()
            try:
                await settle(opened.owner)
            except EngineFault as fault:
                say(f"boxes that are left end by themselves: no engine tells which ({fault})")
        return
    from experiments.attempts.ray_engine import ray_executor
    from experiments.attempts.ray_hosts import Needs

    needs = Needs(
        *settings,
        witness=opened.directory / rundir.EXPERIMENT,
        keys=key_variables(config),
        files=named_files(config),
    )
    async with ray_executor(config.ray.address, slots, needs=needs, say=say) as executor:
        if config.ray.address is not None:
            found = await containment.on_cluster(
                config, opened.plan.runtime, executor.self_test, where=str(request.config), say=say
            )
            if found is not None:
                containment.store(opened.directory, found, opened.anchors)
        yield executor


def try_sync(view: "RunView", verdict: "Verdict", uri: str | None, say: Say) -> None:
    """Brings MLflow up to date. It is a window on the run, so its failure is said and costs no result."""
    from mlflow.exceptions import MlflowException

    from experiments.tracking import store

    try:
        store.sync(view, verdict, uri=uri, say=say)
    except (MlflowException, OSError, TidegaugeError) as error:
        first = str(error).strip().split("\n", 1)[0]
        say(f"MLflow was not brought up to date: {first}; `tidegauge sync {view.name}` does it later")
