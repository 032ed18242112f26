"""Our tasks are Harbor tasks: Harbor's own loader takes every one of them."""

import json
import subprocess
from pathlib import Path

import pytest

from tasks.harbor.form import read_form
from tasks.task import all_tasks

HERE = Path(__file__).parent
#: Made by tests/tools.sh where there is a Python for it.
PYTHON = HERE.parents[1] / ".venv-harbor" / "bin" / "python"


def loaded(*directories: Path) -> dict[str, list[object]]:
    if not PYTHON.is_file():
        pytest.skip("the package harbor is not here: it needs Python 3.12 or later, and tests/tools.sh")
    command = [str(PYTHON), "-I", str(HERE / "load.py"), *map(str, directories)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, list[object]] = json.loads(done.stdout)
    return answer


def test_harbors_own_loader_takes_every_task_of_the_suite() -> None:
    tasks = all_tasks()
    found = loaded(*(task.directory for task in tasks))
    assert found == {str(task.directory): [task.directory.name, True] for task in tasks}


def test_harbors_own_loader_refuses_what_is_no_task(tmp_path: Path) -> None:
    (tmp_path / "task.toml").write_text('[environment]\nnetwork_mode = "open"\n')
    ((said, valid),) = loaded(tmp_path).values()
    assert "network_mode" in str(said) and valid is False


def test_our_own_reading_of_the_form_takes_every_task_of_the_suite_too() -> None:
    for task in all_tasks():
        form = read_form(task.directory / "task.toml")
        assert form.unknown == (), task.id
        assert form.verifier_seconds > 0
