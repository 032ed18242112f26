"""Tasks as the rest of the house sees them: loaded, chosen by pattern, drawn, graded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

from sandbox.errors import Mistake
from sandbox.files import FileSpec, manifest_of, read_tree
from sandbox.limits import Limits
from tasks.evidence import report_forged
from tasks.facts import Facts, agent_script, level_limits, read_facts
from tasks.grading import Bench, Grade, Submission
from tasks.world import World

SUITE: Final = Path(__file__).parent / "suite"


class _Drawer(Protocol):
    """A task's ``world.py``."""

    def draw(self, seed: bytes, level: str, arm: str) -> World: ...


class _Grader(Protocol):
    """A task's ``grade.py``."""

    async def grade(self, hidden: object, submission: Submission, bench: Bench) -> Grade: ...


@dataclass(frozen=True)
class Task:
    """One task of the suite."""

    id: str
    directory: Path
    facts: Facts
    #: Package of the task's modules; the id follows, part by part.
    package: str = "tasks.suite"

    @property
    def version(self) -> str:
        """Semantic version of the task."""
        return self.facts.version

    @cached_property
    def tree_digest(self) -> str:
        """Digest of the task's directory, by the rule of a scaffold id."""
        return manifest_of(read_tree(self.directory)).id

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels that the task has, lowest first."""
        return tuple(sorted(self.facts.levels))

    def limits(self, level: str) -> Limits:
        """What an attempt at a level is granted."""
        key = f"metadata.tidegauge.levels.{level}.limits"
        return level_limits(self.facts.levels[level], str(self.directory / "task.toml"), key)

    def agents(self, level: str) -> dict[str, Path]:
        """The scripts of the task's scripted agents at a level, by name."""
        return {name: agent_script(self.directory, name, level) for name in self.facts.agents}

    def draw(self, seed: bytes, level: str, arm: str) -> World:
        """The world of a seed. The same seed gives the same world, with services of its own.

        A file that the world draws takes the place of the task's file of the same path.

        Raises:
            Mistake: the task has no such level or arm.
        """
        for kind, asked, known in (("level", level, self.levels), ("arm", arm, self.facts.arms)):
            if asked not in known:
                raise Mistake(f"no {kind} {asked!r}", where=self.id, remedy="known: " + ", ".join(known))
        drawn = cast(_Drawer, self._part("world")).draw(seed, level, arm)
        files = {file.path: file for file in (*self._static_files(), *drawn.files)}
        return replace(drawn, files=tuple(files.values()))

    async def grade(self, world: World, submission: Submission, bench: Bench) -> Grade:
        """Measures a submission; its events go through ``bench.emit``.

        Raises:
            GradingFault: the host side failed; grading can be repeated.
            HostFault: the engine or another part of the host did.
        """
        bench.emit("grade.start", {"task": self.id, "version": self.version})
        report_forged(submission.verifier, "agent", bench)
        grade = await cast(_Grader, self._part("grade")).grade(world.hidden, submission, bench)
        bench.emit("grade.score", {
            "y": grade.y, "start": grade.start, "reference": grade.reference, "bound": grade.bound,
            "se": grade.se, "raw": grade.raw, "beyond_bound": grade.beyond_bound, "invalid": grade.invalid,
        })  # fmt: skip
        return grade

    def _part(self, name: str) -> object:
        return import_module(".".join([self.package, *self.id.split("/"), name]))

    def _static_files(self) -> list[FileSpec]:
        """instruction.md, and what the environment puts under /task and /work."""
        instruction = (self.directory / "instruction.md").read_bytes()
        files = [FileSpec("task/instruction.md", instruction)]
        for root in ("task", "work"):
            tree = read_tree(self.directory / "environment" / root)
            files += [FileSpec(f"{root}/{file.path}", file.content, file.mode) for file in tree]
        return files


@dataclass(frozen=True)
class TaskEntry:
    """A task at one of its levels."""

    task: Task
    level: str

    def __str__(self) -> str:
        return f"{self.task.id}@{self.level}"


@cache
def all_tasks() -> tuple[Task, ...]:
    """Every task of the suite, by id."""
    files = sorted(SUITE.glob("*/*/task.toml"))
    return tuple(read_task(file.parent, SUITE, "tasks.suite") for file in files)


def load_task(task_id: str) -> Task:
    """The task with an id such as ``ml/tab``.

    Raises:
        Mistake: there is none.
    """
    for task in all_tasks():
        if task.id == task_id:
            return task
    raise Mistake(f"no task {task_id!r}", remedy="known: " + ", ".join(task.id for task in all_tasks()))


def select(patterns: Sequence[str], *, where: str = "", key: str = "tasks") -> list[TaskEntry]:
    """The entries that patterns such as ``ml/*@L0`` or ``selfmod/scaffold`` name, in suite order.

    Without ``@`` a pattern takes all levels of its tasks. An entry named twice is taken once.

    Raises:
        Mistake: a pattern that names nothing.
    """
    entries = [TaskEntry(task, level) for task in all_tasks() for level in task.levels]
    chosen: set[str] = set()
    for pattern in patterns:
        wanted = pattern if "@" in pattern else f"{pattern}@*"
        found = {str(entry) for entry in entries if fnmatchcase(str(entry), wanted)}
        if not found:
            raise Mistake(f"no task matches {pattern!r}", where=where, key=key, remedy=_remedy(pattern))
        chosen |= found
    return [entry for entry in entries if str(entry) in chosen]


def _remedy(pattern: str) -> str:
    """What may have been meant by a pattern that names nothing, and what there is."""
    tasks = {
        task.id: f"{task.id} ({' to '.join(sorted({*task.levels[:1], *task.levels[-1:]}))})"
        for task in all_tasks()
    }
    close = get_close_matches(pattern.partition("@")[0], tasks, n=1)
    meant = f"did you mean {tasks[close[0]]}? " if close else ""
    return f"{meant}choices: {', '.join(tasks.values())}"


def read_task(directory: Path, root: Path, package: str) -> Task:
    """The task in ``directory``, whose id is its place below ``root``, the directory of ``package``.

    Raises:
        Mistake: it has no facts, or they are not of their form.
    """
    return Task(directory.relative_to(root).as_posix(), directory, read_facts(directory), package)
