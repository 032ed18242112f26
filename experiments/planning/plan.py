"""From a config to the episodes that it asks for, in the order in which they run."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from experiments.planning.checkpoints import BoundCheckpoint, bind
from experiments.planning.config import Config
from experiments.planning.loading import checkpoints_of
from experiments.record import identity
from experiments.record.identity import Secret, plain_numbers
from experiments.record.records import EpisodeSpec, PlanLine
from sandbox.assets import scaffold_files
from sandbox.errors import Mistake
from sandbox.files import manifest_of
from sandbox.limits import Limits, check_limits
from tasks.harbor.directory import find
from tasks.harbor.task import LEVEL, HarborTask
from tasks.task import TaskEntry, select


@dataclass(frozen=True)
class Planned:
    """One planned episode with what is needed to run it; the seed is never written."""

    line: PlanLine
    world_seed: bytes
    binding: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What a config asks for."""

    config: Config
    #: <suite>-<hash>, and the hash alone.
    run: str
    hash: str
    #: [task id, level, version, tree digest] of every task at every level.
    tasks: list[list[str]]
    #: Scaffold id.
    scaffold: str
    #: In running order: by world, then task, then arm, then checkpoint.
    episodes: list[Planned]
    #: The public tasks among them, by id, with what their boxes stand on once that was looked for.
    public: dict[str, HarborTask] = field(default_factory=dict)

    @property
    def runtime(self) -> str:
        """The container runtime: auto is runc; runsc only by name."""
        wanted = self.config.sandbox.runtime
        return "runc" if wanted == "auto" else wanted

    def spec(self, planned: Planned, *, attempt: int, directory: Path, owner: str) -> EpisodeSpec:
        """What travels to the runner of one attempt."""
        config = self.config
        return EpisodeSpec(
            plan=planned.line,
            attempt=attempt,
            binding=planned.binding,
            world_seed=planned.world_seed,
            run_dir=str(directory.resolve()),
            scaffold=str(config.scaffold),
            runtime=self.runtime,
            image=config.sandbox.image,
            require_sensors=tuple(config.sandbox.require_sensors),
            owner=owner,
            degraded=config.sandbox.degraded,
            public=self.public.get(planned.line.task),
        )


def make_plan(config: Config, secret: Secret, *, where: str) -> Plan:
    """Expands a loaded config.

    All checkpoints of a world and task come before the next task, and all tasks before the next
    world, so that every checkpoint progresses and an unfinished run is still a comparison.

    Args:
        config: as ``loading.load_config`` returned it.
        secret: from which the worlds' seeds derive.
        where: the config's file, for messages.

    Raises:
        Mistake: a task, arm, scaffold or checkpoint that is not there, or contradictory limits.
    """
    entries = _entries(config, where)
    tasks, scaffold = _described(entries), _scaffold_id(str(config.scaffold), where)
    hashed = _hash(config, tasks, scaffold, secret.fingerprint)
    checkpoints = _bound(config, where)
    _check_agents(entries, config, where)
    episodes = [
        _planned(entry, arm, world, bound, config=config, secret=secret, scaffold=scaffold)
        for world in range(config.repeats)
        for entry in entries
        for arm in config.arms
        for bound in checkpoints
    ]
    public = {entry.task.id: entry.task for entry in entries if isinstance(entry.task, HarborTask)}
    return Plan(config, f"{config.suite}-{hashed}", hashed, tasks, scaffold, episodes, public)


def _scaffold_id(scaffold: str, where: str) -> str:
    try:
        return manifest_of(scaffold_files(scaffold)).id
    except Mistake as mistake:
        raise Mistake(mistake.problem, where=where, key="scaffold", remedy=mistake.remedy) from mistake


def client_hash(config: Config, *, where: str) -> str:
    """The run's hash as a machine without the secret can take it: the fingerprint is left out.

    Raises:
        Mistake: a task, arm or scaffold that is not there, or contradictory limits.
    """
    return _hash(config, _described(_entries(config, where)), _scaffold_id(str(config.scaffold), where), None)


def _entries(config: Config, where: str) -> list[TaskEntry]:
    entries = _public(config, where) if config.profile == "harbor" else select(config.tasks, where=where)
    for entry in entries:
        _check_entry(entry, config, where)
    return entries


def _public(config: Config, where: str) -> list[TaskEntry]:
    """The public tasks in the config's directories."""
    found = find(config.tasks, config.harbor.skip, offline=config.harbor.offline, where=where)
    return [TaskEntry(task, LEVEL) for task in found]


def _described(entries: list[TaskEntry]) -> list[list[str]]:
    return [[entry.task.id, entry.level, entry.task.version, entry.task.tree_digest] for entry in entries]


def _sandbox(config: Config) -> dict[str, Any]:
    """The sandbox section as it is hashed: a run in degraded boxes is another one, one of public tasks by how their
    environments are made, all others are as ever."""
    section = config.sandbox.model_dump()
    if config.profile == "harbor":
        section["harbor"] = config.harbor.model_dump(exclude={"skip"})
    return section if section["degraded"] else {key: section[key] for key in section if key != "degraded"}


def _hash(config: Config, tasks: list[list[str]], scaffold: str, fingerprint: str | None) -> str:
    return identity.run_hash(
        suite=config.suite, version=config.version, tasks=tasks, arms=config.arms, scaffold=scaffold,
        limits=config.limits, sandbox=_sandbox(config), seed=config.seed,
        fingerprint=fingerprint,
    )  # fmt: skip


def _bound(config: Config, where: str) -> list[BoundCheckpoint]:
    return [
        bind(entry, checkpoint, where=where, key=f"models.{i}.checkpoints.{j}")
        for i, entry in enumerate(config.models)
        for j, checkpoint in enumerate(checkpoints_of(entry))
    ]


def _check_agents(entries: list[TaskEntry], config: Config, where: str) -> None:
    for index, model in enumerate(config.models):
        without = [
            entry.task
            for entry in entries
            if model.agent is not None and model.agent not in entry.task.agents(entry.level)
        ]
        if without:
            first = without[0]
            problem = f"{first.id} has no agent {model.agent!r}"
            if len(without) > 1:
                problem += f" (and {len(without) - 1} more of {len(entries)} tasks)"
            remedy = "it has: " + ", ".join(first.facts.agents)
            if config.profile == "harbor":
                names = ", ".join(task.directory.name for task in without)
                remedy += f"; to leave such tasks out, harbor: {{skip: [{names}]}}"
            raise Mistake(problem, where=where, key=f"models.{index}.agent", remedy=remedy)


def _check_entry(entry: TaskEntry, config: Config, where: str) -> None:
    for index, arm in enumerate(config.arms):
        if arm not in entry.task.facts.arms:
            remedy = "it has: " + ", ".join(entry.task.facts.arms)
            raise Mistake(
                f"{entry.task.id} has no arm {arm!r}", where=where, key=f"arms.{index}", remedy=remedy
            )
    # A config may lower wall alone: a cpu_time that the task grants beyond it contradicts nothing.
    limits = replace(_effective(entry, config), cpu_time=0.0)
    if config.profile == "harbor":
        # What is written to such a box's root lies on the engine's disk, not in its memory.
        limits = replace(limits, disk=0)
    check_limits(limits, where=where, key=f"limits (with those of {entry.task.id})")


def _effective(entry: TaskEntry, config: Config) -> Limits:
    """Of each limit the smaller of the task level's and the config's."""
    granted = entry.task.limits(entry.level)
    return granted.smaller(replace(granted, **config.limits))  # type: ignore[arg-type]


def _planned(
    entry: TaskEntry,
    arm: str,
    world: int,
    bound: BoundCheckpoint,
    *,
    config: Config,
    secret: Secret,
    scaffold: str,
) -> Planned:
    task = entry.task
    seed = secret.world_seed(config.seed, task.id, task.version, entry.level, world)
    drawn = identity.world_digest(seed)
    limits = plain_numbers(_effective(entry, config).as_json())
    episode = identity.episode_id(
        task=[task.id, entry.level, task.version, task.tree_digest], arm=arm, world_digest=drawn,
        family=bound.checkpoint.family, name=bound.checkpoint.name, checkpoint_digest=bound.digest,
        sampling=bound.sampling, scaffold=scaffold, limits=limits,
    )  # fmt: skip
    line = PlanLine(
        episode=episode, checkpoint=bound.checkpoint, checkpoint_digest=bound.digest,
        provider=bound.provider, sampling=bound.sampling, task=task.id, level=entry.level,
        version=task.version, arm=arm, world=world, world_digest=drawn, limits=limits, scaffold=scaffold,
        agent=bound.agent,
    )  # fmt: skip
    binding = bound.binding if bound.recorded is None else {**bound.binding, **bound.recorded.of(line)}
    return Planned(line, seed, binding)
