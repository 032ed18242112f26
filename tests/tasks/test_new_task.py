"""A new task is made from a template that holds the promises of a task, and is found by its id."""

import asyncio
import sys
from pathlib import Path

import pytest

from experiments.attempts.check import check_tasks
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.errors import Mistake
from tasks.new import make_task
from tasks.task import Task, TaskEntry, read_task

PACKAGE = "drawn_suite"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """A task made under a suite of its own, importable as one of the product's is."""
    suite = tmp_path / PACKAGE
    suite.mkdir()
    (suite / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        monkeypatch.delitem(sys.modules, name)
    return read_task(make_task("vision/digits_2", suite, PACKAGE), suite, PACKAGE)


def test_a_new_task_bears_its_own_names_and_none_of_the_templates(made: Task) -> None:
    assert made.id == "vision/digits_2"
    assert made.facts.task_family == "vision"
    texts = [file.read_text() for file in made.directory.rglob("*") if file.suffix in (".py", ".toml", ".md")]
    assert not [text for text in texts if "tasks.template" in text or "the template" in text]
    world = made.draw(bytes(32), "L0", "plain")
    assert type(world.hidden).__module__ == f"{PACKAGE}.vision.digits_2.world"


@pytest.mark.box
def test_a_new_task_holds_the_promises_of_a_task_at_each_level(
    made: Task, engine: Engine, image: str
) -> None:
    entries = [TaskEntry(made, level) for level in made.levels]
    results = asyncio.run(check_tasks(entries, DockerBoxes(engine, image=image)))
    assert {f"{r.level} {r.agent}": r.problem for r in results if r.problem} == {}
    assert len(results) == 12


@pytest.mark.parametrize("task_id", ["digits", "vision/", "Vision/digits", "vision/a/b", "../x", "vision/9"])
def test_what_is_no_id_is_a_mistake(task_id: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="not a task's id"):
        make_task(task_id, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_task_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    file = make_task("ml/images", tmp_path) / "instruction.md"
    file.write_text("mine")
    with pytest.raises(Mistake, match="is there already"):
        make_task("ml/images", tmp_path)
    assert file.read_text() == "mine"
