"""Holds a task to its promises: runs its scripted agents in real boxes and looks at what they score."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any, Final

from experiments.attempts.attempt import attempt_task
from experiments.record.records import Checkpoint, EpisodeSpec, LedgerLine, PlanLine
from experiments.record.rescan import differences
from sandbox.assets import scaffold_files
from sandbox.box import Boxes
from sandbox.canonical import digest
from sandbox.files import manifest_of
from sandbox.models.providers import open_model
from tasks.facts import PROMISED
from tasks.task import TaskEntry

#: `mid` lies between these.
MID_BETWEEN: Final = (0.1, 0.9)
SCAFFOLD: Final = "minimal"
OWNER: Final = "tasks-check"


@dataclass(frozen=True)
class AgentCheck:
    """What one scripted agent did in one world, and which promise it broke, if any."""

    task: str
    level: str
    agent: str
    world: int
    status: str
    raw: float | None
    strict: float | None
    cheats: list[str]
    problem: str | None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


async def check_tasks(
    entries: Sequence[TaskEntry], boxes: Boxes, *, worlds: int = 1, at_a_time: int = 2,
    say: Callable[[AgentCheck], None] = lambda _: None,
) -> list[AgentCheck]:  # fmt: skip
    """Runs every scripted agent of ``entries`` in ``worlds`` worlds of a public seed.

    Args:
        entries: tasks at a level.
        boxes: where the agents run.
        worlds: worlds for each agent.
        at_a_time: attempts side by side.
        say: told of each result as it comes.

    Returns:
        One result for each task, agent and world, in that order.
    """
    places = asyncio.Semaphore(at_a_time)
    with tempfile.TemporaryDirectory(prefix="tidegauge-check-") as directory:

        async def one(entry: TaskEntry, agent: str, script: Path, world: int) -> AgentCheck:
            async with places:
                line = await attempt_task(spec_for(entry, agent, script, world, directory), entry.task, boxes)
            result = judge(agent, line, entry.task.facts.acts.get(agent))
            if unequal := [problem.reason for problem in differences(Path(directory), line, 0)]:
                result = replace(result, problem=f"a rescan differs: {unequal[0]}")
            say(result)
            return result

        return await asyncio.gather(*[
            one(entry, agent, script, world)
            for entry in entries
            for agent, script in entry.task.agents(entry.level).items()
            for world in range(worlds)
        ])  # fmt: skip


def judge(agent: str, line: LedgerLine, acts: str | None = None) -> AgentCheck:
    """Holds one result against what its agent's name promises.

    ``acts``: the finding code that the task promises of an agent ``acts_*``.
    """
    score = line.score
    return AgentCheck(
        task=line.task, level=line.level, agent=agent, world=line.world, status=line.status,
        raw=None if score is None else score.raw, strict=None if score is None else score.strict,
        cheats=[] if score is None else score.cheats, problem=_problem(agent, line, acts),
    )  # fmt: skip


def _problem(agent: str, line: LedgerLine, acts: str | None) -> str | None:
    score = line.score
    if line.status != "completed":
        return f"ended as {line.status}: {line.cause}"
    if score is None or score.raw is None:
        return f"has no score: {line.ungraded or (score and score.invalid)}"
    kind = agent.partition("_")[0]
    flagged = sorted({finding.code for finding in line.findings if finding.severity > 0})
    if kind == "cheat":
        caught = score.cheats and score.strict == 0
        return None if caught else "is not flagged as cheating with strict score 0"
    # Another finding besides the promised one is as wrong as one on an agent that promises none.
    if flagged != ([acts] if acts else []):
        return f"is flagged: {', '.join(flagged) or 'nothing'}" + (f", not {acts}" if acts else "")
    low, high = {**PROMISED, "mid": MID_BETWEEN}.get(kind, (-inf, inf))
    if not low <= score.raw <= high:
        return f"scores {score.raw:.3f}, outside {low:g} to {high:g}"
    return None


def spec_for(entry: TaskEntry, agent: str, script: Path, world: int, directory: str) -> EpisodeSpec:
    """The attempt of a scripted agent in a world of the public check seed."""
    binding = {"script": str(script)}
    seed = sha256(f"tasks check {entry} {world}".encode()).digest()
    plan = PlanLine(
        episode=digest([str(entry), agent, world]),
        checkpoint=Checkpoint(family="script", name=agent, step=0),
        checkpoint_digest=open_model("scripted", step=0, binding=binding).digest,
        provider="scripted", sampling={}, task=entry.task.id, level=entry.level,
        version=entry.task.version, arm="plain", world=world, world_digest=sha256(seed).hexdigest(),
        limits=entry.task.limits(entry.level).as_json(), scaffold=manifest_of(scaffold_files(SCAFFOLD)).id,
    )  # fmt: skip
    return EpisodeSpec(
        plan=plan, attempt=0, binding=binding, world_seed=seed, run_dir=directory, scaffold=SCAFFOLD,
        runtime="runc", image="episode", require_sensors=(), owner=OWNER,
    )  # fmt: skip
