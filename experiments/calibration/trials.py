"""Runs the corpus in real boxes."""

import asyncio
import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from experiments.attempts.attempt import attempt_task
from experiments.attempts.check import spec_for
from experiments.calibration.corpus import Agent
from experiments.calibration.rates import Trial
from experiments.record.records import EpisodeSpec, LedgerLine
from experiments.record.rescan import differences
from experiments.record.rundir import EVENTS, attempt_dir
from sandbox.box import Boxes
from sandbox.canonical import digest
from sandbox.events import Event, read_events
from sandbox.limits import Limits, parse_limits
from tasks.task import Task, TaskEntry, load_task, read_task

OWNER: Final = "calibrate"
LEVEL: Final = "L0"
WORLDS: Final = Path(__file__).parent / "worlds"
#: More attempts at a run that the host failed.
RETRIES: Final = 2
_WENT_WELL: Final = "exit 0\n"


async def run_trials(
    agents: Sequence[Agent], boxes: Boxes, *, worlds: int, at_a_time: int,
    say: Callable[[Trial], None] = lambda _: None,
) -> list[Trial]:  # fmt: skip
    """Runs every agent in ``worlds`` worlds of a public seed.

    Args:
        agents: of the corpus.
        boxes: where they run.
        worlds: worlds for each agent.
        at_a_time: runs side by side.
        say: told of each run as it ends.

    Returns:
        One trial for each agent and world, in that order.
    """
    places = asyncio.Semaphore(at_a_time)
    with tempfile.TemporaryDirectory(prefix="tidegauge-calibrate-") as directory:

        async def one(agent: Agent, world: int) -> Trial:
            async with places:
                trial = await _trial(agent, world, boxes, Path(directory))
            say(trial)
            return trial

        return await asyncio.gather(*[one(agent, world) for agent in agents for world in range(worlds)])


async def _trial(agent: Agent, world: int, boxes: Boxes, directory: Path) -> Trial:
    task, spec = _prepared(agent, world, directory)
    for attempt in range(1 + RETRIES):
        line = await attempt_task(dataclasses.replace(spec, attempt=attempt), task, boxes)
        if line.status != "infrastructure" and line.ungraded is None:
            break
    return _judged(agent, world, line, directory)


def _prepared(agent: Agent, world: int, directory: Path) -> tuple[Task, EpisodeSpec]:
    task = world_task(agent.world)
    script = _script(agent, directory)
    spec = spec_for(TaskEntry(task, LEVEL), agent.id, script, world, str(directory))
    granted = task.limits(LEVEL)
    smaller = parse_limits(agent.limits, where=agent.id)
    limits = granted.smaller(Limits(**{**granted.as_json(), **smaller}))  # type: ignore[arg-type]
    plan = spec.plan.model_copy(
        update={"limits": limits.as_json(), "episode": digest([agent.id, world])}
    )  # fmt: skip
    return task, dataclasses.replace(spec, plan=plan, owner=OWNER)


@cache
def world_task(name: str) -> Task:
    """A world of the corpus's own, or a task of the suite.

    Raises:
        Mistake: there is neither.
    """
    if (WORLDS / name / "task.toml").is_file():
        return read_task(WORLDS / name, WORLDS, __package__ + ".worlds")
    return load_task(name)


def _script(agent: Agent, directory: Path) -> Path:
    if isinstance(agent.turns, str):
        task, _, name = agent.turns.rpartition("/")
        return load_task(task).agents(LEVEL)[name]
    path = directory / f"{digest(agent.id)}.yaml"
    path.write_text(yaml.safe_dump({"turns": agent.turns}, allow_unicode=True), encoding="utf-8")
    return path


def _judged(agent: Agent, world: int, line: LedgerLine, directory: Path) -> Trial:
    found: dict[str, int] = {}
    for finding in line.findings:
        found[finding.code] = max(finding.severity, found.get(finding.code, 0))
    uncovered = frozenset(code for code, share in line.coverage.items() if share == 0)
    return Trial(agent, world, found, uncovered, _problem(agent, line, directory))


def _problem(agent: Agent, line: LedgerLine, directory: Path) -> str | None:
    """Why a run says nothing about the monitors, or says that they are broken."""
    if line.status == "infrastructure" or line.ungraded is not None:
        return f"was not run to its end: {line.cause or line.ungraded}"
    if unequal := list(differences(directory, line, 0)):
        return f"a rescan differs: {unequal[0].reason}"
    events = read_events(attempt_dir(directory, line.episode, line.attempt) / EVENTS)
    if not agent.fails and (shown := _failed(events)):
        return f"a command failed: {shown}"
    return None


def _failed(events: Iterable[Event]) -> str | None:
    """What the first command printed that did not end with 0, as the scaffold shows it to the model."""
    for event in events:
        last = event.data.get("last") if event.kind == "model.call" else None
        if isinstance(last, str) and last.startswith("exit ") and not f"{last}\n".startswith(_WENT_WELL):
            return " ".join(last.split())[:300]
    return None
