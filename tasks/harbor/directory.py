"""Finds public tasks in directories and reads them, before anything of a run begins."""

import re
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from glob import glob
from pathlib import Path
from typing import Final

from sandbox.errors import Mistake
from tasks.harbor.compose import check_compose
from tasks.harbor.form import Form, read_form
from tasks.harbor.table import LEAVE_OUT
from tasks.harbor.task import FAMILY, HarborTask, facts_of

_NAME: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
_FILE: Final = "task.toml"
#: Of directories that a task may lie in: a data set, and one in which each task has a directory of its own.
_DEPTH: Final = 2
#: What stands in its place in the form that Terminal-Bench had before Harbor.
_OLDER: Final = "task.yaml"
_NO_NETWORK: Final = "no-network"


def find(directories: Sequence[str], skip: Collection[str], *, offline: bool, where: str) -> list[HarborTask]:
    """The tasks of ``directories``, each one task, a directory of tasks or one of such directories, by
    name.

    Args:
        directories: absolute paths, or patterns of paths.
        skip: patterns of the names of tasks to leave out.
        offline: run also those that ask for a network; they get none.
        where: the config's file, for messages.

    Raises:
        Mistake: there is none, two have one name, or one cannot run here: the first of them, and how many more.
    """
    found: dict[str, Path] = {}
    unused = set(skip)
    for index, name in enumerate(directories):
        for task in _tasks_in(name, where, f"tasks.{index}"):
            if left_out := {pattern for pattern in skip if fnmatchcase(task.name, pattern)}:
                unused -= left_out
            elif found.setdefault(task.name, task) != task:
                problem = f"two tasks are called {task.name!r}: {found[task.name]} and {task}"
                raise Mistake(problem, where=where, key=f"tasks.{index}", remedy="rename one")
    if unused:
        raise Mistake(f"no task {min(unused)!r}", where=where, key="harbor.skip", remedy="leave it out")
    return _readable([found[name] for name in sorted(found)], offline, where)


def _tasks_in(written: str, where: str, key: str) -> list[Path]:
    tasks = []
    for directory in sorted(map(Path, glob(written))):
        tasks += _below(directory, _DEPTH)
    depths = ["*/" * depth + _OLDER for depth in range(_DEPTH + 1)]
    older = sorted(path for place in glob(written) for depth in depths for path in Path(place).glob(depth))
    if not tasks and older:
        problem = f"{older[0]} is of the form before Harbor's"
        raise Mistake(problem, where=where, key=key, remedy="convert such tasks with `harbor tasks migrate`")
    if not tasks:
        remedy = f"name a directory with a {_FILE}, or one of such directories"
        raise Mistake(f"{written} holds no task", where=where, key=key, remedy=remedy)
    return tasks


def _below(directory: Path, depth: int) -> list[Path]:
    """A task, or the tasks in a directory of them."""
    if (directory / _FILE).is_file():
        return [directory]
    if depth == 0 or not directory.is_dir():
        return []
    inner = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    return [task for path in inner for task in _below(path, depth - 1)]


def _readable(tasks: list[Path], offline: bool, where: str) -> list[HarborTask]:
    if not tasks:
        raise Mistake("every task is left out", where=where, key="harbor.skip", remedy="leave one in")
    read_ones: list[HarborTask] = []
    refused: dict[str, Mistake] = {}
    for directory in tasks:
        try:
            read_ones.append(read(directory, offline=offline))
        except Mistake as mistake:
            refused[directory.name] = mistake
    if not refused:
        return read_ones
    first = next(iter(refused.values()))
    if len(refused) == 1:
        raise first
    problem = f"{first.problem} (and {len(refused) - 1} more of {len(tasks)} tasks)"
    remedy = f"{first.remedy}; to leave out all of them, harbor: {{skip: [{', '.join(refused)}]}}"
    raise Mistake(problem, where=first.where, key=first.key, remedy=remedy) from first


def read(directory: Path, *, offline: bool) -> HarborTask:
    """The task in ``directory``, read and held to what can run here.

    Raises:
        Mistake: it is not of Harbor's form, or asks for what a box does not give.
    """
    where = str(directory)
    if _NAME.match(directory.name) is None:
        raise Mistake(
            f"{directory.name!r} is no name of a task",
            where=where,
            remedy="rename it: letters, digits, . _ -",
        )
    form = read_form(directory / _FILE)
    _check_files(directory, form)
    _check_network(form, directory, offline)
    solved = (directory / "solution" / "solve.sh").is_file()
    return HarborTask(f"{FAMILY}/{directory.name}", directory, facts_of(form, solved=solved), form=form)


def _check_files(directory: Path, form: Form) -> None:
    # An image of the verifier's own holds its tests.
    held = form.apart is not None and form.apart.image is not None
    for needed in ("instruction.md", *(() if held else ("tests/test.sh",))):
        if not (directory / needed).is_file():
            raise Mistake("is missing", where=str(directory / needed), remedy=LEAVE_OUT)
    check_compose(directory / "environment")
    if form.apart is not None:
        check_compose(directory / "tests")


def _check_network(form: Form, directory: Path, offline: bool) -> None:
    if form.network == _NO_NETWORK or offline:
        return
    problem = f"asks for a network ({form.network}), and a box has none"
    remedy = "write harbor: {offline: true} to run such tasks without one, or leave it out with harbor.skip"
    raise Mistake(problem, where=str(directory / _FILE), key=form.network_key, remedy=remedy)
