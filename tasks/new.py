"""Makes a new task from the template, which is a task itself: small, whole, and held to the same promises."""

import re
import shutil
from pathlib import Path
from typing import Final

from sandbox.errors import Mistake
from tasks.task import SUITE

TEMPLATE: Final = Path(__file__).parent / "template"
_ID: Final = re.compile(r"([a-z][a-z0-9_]*)/([a-z][a-z0-9_]*)")
#: Files in which the template speaks of itself.
_NAMED: Final = ("task.toml", "world.py", "grade.py")


def make_task(task_id: str, suite: Path = SUITE, package: str = "tasks.suite") -> Path:
    """Copies the template to ``suite`` under the id ``task_id``, with its names in place of the template's.

    Args:
        task_id: ``<family>/<task>``, both of small letters, digits and underscores.
        suite: the suite's directory, that of ``package``.
        package: what the suite is imported as.

    Returns:
        The new task's directory.

    Raises:
        Mistake: that is no id, or there is such a directory.
    """
    match = _ID.fullmatch(task_id)
    if match is None:
        remedy = "<family>/<task> of small letters, digits and underscores, such as ml/images"
        raise Mistake(f"not a task's id: {task_id!r}", where="tasks new", key="ID", remedy=remedy)
    directory = suite / task_id
    if directory.exists():
        remedy = "choose another id, or remove the directory"
        raise Mistake("is there already", where=str(directory), remedy=remedy)
    shutil.copytree(TEMPLATE, directory, ignore=shutil.ignore_patterns("__pycache__"))
    (directory.parent / "__init__.py").touch()
    for name in _NAMED:
        file = directory / name
        text = file.read_text().replace("tasks.template", f"{package}.{match[1]}.{match[2]}")
        file.write_text(text.replace('"template"', f'"{match[1]}"').replace("the template", task_id))
    return directory
