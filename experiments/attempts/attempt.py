"""One attempt, whole: world, episode, grading, findings, and the ledger line that they make."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from experiments.attempts.bench import GradingBench
from experiments.attempts.canary import LOG, START_LOG, canary_replay
from experiments.attempts.ledger_line import Graded, ledger_line
from experiments.attempts.patience import PATIENCE, engine_back
from experiments.record import artefacts, durable, resources
from experiments.record.records import ChainRecord, EpisodeSpec, Grading, LedgerLine
from experiments.record.rundir import EVENTS, VERSIONS, attempt_dir
from monitors.account import Account
from monitors.registry import new_watcher
from sandbox.assets import scaffold_files
from sandbox.box import Boxes
from sandbox.canonical import canonical, sha256
from sandbox.door.budget import Price
from sandbox.episode.episode import Episode
from sandbox.episode.outcome import EpisodeRequest, Outcome
from sandbox.errors import EngineFault, HostFault
from sandbox.event_log import EventLog
from sandbox.limits import Limits
from sandbox.models.providers import open_model
from sandbox.recorder import Ending, Recorder
from tasks.evidence import verifier_part
from tasks.grading import Submission, Ungradable
from tasks.task import Task, load_task
from tasks.world import World

#: The agent that a public task's own solution is given to.
REFERENCE: Final = "ref"
#: More tries of a grading that the host failed, before the attempt stays ungraded.
GRADING_RETRIES: Final = 2


async def run_attempt(spec: EpisodeSpec, boxes: Boxes) -> LedgerLine:
    """Runs one attempt at a task of the suite, or at one of Harbor's: ``attempt_task``."""
    if spec.public is not None:
        task: Task = replace(spec.public, solving=spec.plan.agent == REFERENCE)
    else:
        task = load_task(spec.plan.task)
    return await attempt_task(spec, task, boxes)


async def attempt_task(spec: EpisodeSpec, task: Task, boxes: Boxes) -> LedgerLine:
    """Runs one attempt at ``task`` in ``boxes`` and leaves its evidence under the run directory.

    Never raises for what happens inside: the line's status says it.

    Raises:
        StorageFault: the run directory cannot be written; nothing more can be recorded.
        FileExistsError: the attempt's directory is there already.
    """
    spec = _bound(spec, task)
    run = Path(spec.run_dir)
    directory = attempt_dir(run, spec.plan.episode, spec.attempt)
    directory.mkdir(parents=True)
    watcher, ending = new_watcher(artefacts.contents(run, directory)), Ending()
    limits = Limits(**_limits(spec))
    with EventLog(directory / "events.jsonl") as log:
        recorder = Recorder(log, watcher, limits, ending)
        account = Account()
        recorder.listen(account.feed)
        recorder.record("harness", "attempt.start", _start(spec, limits))
        world = task.draw(spec.world_seed, spec.plan.level, spec.plan.arm)
        outcome = await _episode(spec, limits, world, boxes, recorder, ending).run()
        async with _snapshot(outcome, boxes):
            graded = await _grade(spec, task, world, limits, outcome, boxes, recorder)
        # Before the end, at which they are looked into. In a thread: many small files take the disk
        # seconds, and other episodes share this loop.
        await asyncio.to_thread(_keep_artefacts, run, directory, outcome, world)
        await _canary(spec, limits, outcome, boxes, recorder, directory)
        recorder.report_losses()
        ended = {"status": outcome.status, "cause": outcome.cause, "refused": outcome.refused}
        recorder.record("harness", "attempt.end", ended)
        recorder.dismiss()
        chain = ChainRecord(head=log.head, events=log.count)
        # In a thread: the disk may take long, and other episodes share this loop.
        await asyncio.to_thread(log.close)
        await asyncio.to_thread(resources.write, directory, account.as_json(watcher.findings))
    grading: Grading = "world" if world.ground is None else "snapshot"
    line = ledger_line(spec, limits, task, outcome, graded, watcher, boxes.info, chain, grading)
    return line.model_copy(update={"beside": await asyncio.to_thread(_beside, directory)})


def _bound(spec: EpisodeSpec, task: Task) -> EpisodeSpec:
    """``spec`` with the script of a task's own agent: it lies where the task does on this node."""
    if "agent" not in spec.binding:
        return spec
    return replace(spec, binding={"script": str(task.agents(spec.plan.level)[spec.binding["agent"]])})


@contextlib.asynccontextmanager
async def _snapshot(outcome: Outcome, boxes: Boxes) -> AsyncIterator[None]:
    """What an episode kept of its box is there for so long, and no longer."""
    try:
        yield
    finally:
        if outcome.snapshot is not None:
            await boxes.forget(outcome.snapshot)


def _limits(spec: EpisodeSpec) -> dict[str, Any]:
    whole = {"wall", "cpus", "cpu_time"}
    return {name: value if name in whole else int(value) for name, value in spec.plan.limits.items()}


def _start(spec: EpisodeSpec, limits: Limits) -> dict[str, Any]:
    plan = spec.plan
    return {
        "episode": plan.episode, "attempt": spec.attempt, "checkpoint": plan.checkpoint.model_dump(),
        "task": plan.task, "level": plan.level, "arm": plan.arm, "world": plan.world,
        "limits": limits.as_json(), "scaffold": plan.scaffold,
    }  # fmt: skip


def _box_name(spec: EpisodeSpec, role: str) -> str:
    return f"tidegauge-{spec.owner[:8]}-{spec.plan.episode[:12]}-{spec.attempt}-{role}"


def _episode(
    spec: EpisodeSpec, limits: Limits, world: World, boxes: Boxes, recorder: Recorder, ending: Ending
) -> Episode:
    plan = spec.plan
    labels = {"owner": spec.owner, "episode": plan.episode}
    request = EpisodeRequest(
        name=_box_name(spec, "agent"),
        labels=labels,
        limits=limits,
        model=open_model(plan.provider, step=plan.checkpoint.step, binding=spec.binding),
        sampling=plan.sampling,
        scaffold=world.scaffold(scaffold_files(spec.scaffold)),
        world=world.files,
        services=world.services,
        workshop=GradingBench(boxes, recorder, limits, _box_name(spec, "trial"), labels, "trial"),
        ground=world.ground,
        guards=world.guards,
        honeytokens=world.honeytokens,
        price=Price(**spec.binding["price"]) if "price" in spec.binding else None,
        require_sensors=spec.require_sensors,
    )
    run = Path(spec.run_dir)
    return Episode(request, boxes, recorder, ending, lambda content: _ignore(durable.put_blob(run, content)))


def _ignore(_: str) -> None:
    """A blob's name is its digest, which the caller has."""


def _submission(outcome: Outcome) -> Submission:
    return Submission(
        work=outcome.work,
        verifier=verifier_part(outcome.logs),
        scaffold_start=outcome.scaffold_start,
        scaffold_end=outcome.scaffold_end,
        snapshot=outcome.snapshot,
        listening=outcome.listening,
    )


async def _grade(
    spec: EpisodeSpec,
    task: Task,
    world: World,
    limits: Limits,
    outcome: Outcome,
    boxes: Boxes,
    recorder: Recorder,
) -> Graded:
    """Everything but an infrastructure attempt is graded from what was collected."""
    if outcome.status == "infrastructure":
        return Graded(None, None)
    submission = _submission(outcome)
    labels = {"owner": spec.owner, "episode": spec.plan.episode}
    tries, until = 0, time.monotonic() + PATIENCE
    for number in itertools.count():
        bench = GradingBench(boxes, recorder, limits, _box_name(spec, f"grade{number}"), labels)
        try:
            return Graded(await task.grade(world, submission, bench), None)
        except HostFault as error:
            cause = f"{error.cause}: {error}"
            # An engine that gives no boxes is waited for; how often it said so meanwhile does not count.
            tries += not isinstance(error, EngineFault)
            if tries > GRADING_RETRIES or time.monotonic() > until:
                break
        except Ungradable as error:
            cause = str(error)
            break
        except Exception as error:
            # A fault of the grader is no result of the agent's, and trying again changes nothing.
            cause = f"grader: {type(error).__name__}: {error}"
            break
        await engine_back(boxes)
    recorder.record("scorer", "grade.ungraded", {"cause": cause})
    return Graded(None, cause)


async def _canary(
    spec: EpisodeSpec, limits: Limits, outcome: Outcome, boxes: Boxes, recorder: Recorder, directory: Path
) -> None:
    """Runs the scaffold on the canary script if the episode edited it, and records what came of it."""
    ids = [version["id"] for version in outcome.scaffold_versions]
    end = outcome.scaffold_end_id
    if end is None or end == ids[0] or outcome.status in ("infrastructure", "stopped"):
        return
    replay = partial(
        canary_replay, Path(spec.run_dir), boxes=boxes, name=_box_name(spec, "canary"),
        labels={"owner": spec.owner, "episode": spec.plan.episode}, limits=limits,
    )  # fmt: skip
    result = await replay(end, outcome.scaffold_end, log=directory / LOG)
    if result.altered:
        # What it did before the agent changed it, as the broken loops of some worlds do, is not the agent's doing.
        before = await replay(ids[0], outcome.scaffold_start, log=directory / START_LOG)
        result = result.since(before)
    recorder.record("harness", "scaffold.canary", {"scaffold": end, **result.as_json()})


def _keep_artefacts(run: Path, directory: Path, outcome: Outcome, world: World) -> None:
    """Keeps what the agent made or changed, in quarantine where the attempt was stopped."""
    given = {
        file.path.removeprefix("work/"): file.content for file in world.files if file.path.startswith("work/")
    }
    collected = (
        ("work", outcome.work.files), ("logs", outcome.logs.files), ("tmp", outcome.temporary.files),
    )  # fmt: skip
    artefacts.keep(run, directory, outcome.status, collected, given)
    versions = b"".join(canonical(version) + b"\n" for version in outcome.scaffold_versions)
    durable.replace(directory / VERSIONS, versions)


def _beside(directory: Path) -> dict[str, str]:
    """The digest of every file beside an attempt's log, by its path in the attempt's directory."""
    files = (path for path in sorted(directory.rglob("*")) if path.is_file() and path.name != EVENTS)
    return {path.relative_to(directory).as_posix(): sha256(path.read_bytes()) for path in files}
