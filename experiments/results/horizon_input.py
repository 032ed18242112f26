"""Runs made elsewhere and release dates, read strictly: a mistake names file, line and key."""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from experiments.stats.horizon.table import Run
from sandbox.errors import Mistake

_FORM: Final = (
    "each line is a JSON object with agent (or alias), task_id, task_family, human_minutes and "
    "score_binarized (or score_cont)"
)
#: Minutes that a task can take; nobody's task lies outside.
_SHORTEST: Final = 1e-9
_LONGEST: Final = 1e12
#: Two notations of one length may differ by so much.
_SAME: Final = 1e-6


def read_runs(path: Path) -> list[Run]:
    """The runs of a JSON Lines file. Other keys are ignored, and so are empty lines.

    Raises:
        Mistake: the file cannot be read, or a line is not of that form, or contradicts an earlier one.
    """
    runs: list[Run] = []
    first: dict[str, tuple[int, Run]] = {}
    for number, line in _lines(path):
        run = _run(line, f"{path}:{number}")
        known, earlier = first.setdefault(run.task, (number, run))
        if not math.isclose(earlier.minutes, run.minutes, rel_tol=_SAME):
            problem = f"task {run.task!r} has {run.minutes:g} here and {earlier.minutes:g} in line {known}"
            raise Mistake(
                problem, where=f"{path}:{number}", key="human_minutes", remedy="a task has one length"
            )
        if earlier.family != run.family:
            problem = f"task {run.task!r} is of {run.family!r} here and of {earlier.family!r} in line {known}"
            raise Mistake(
                problem, where=f"{path}:{number}", key="task_family", remedy="a task has one family"
            )
        runs.append(run)
    if not runs:
        raise Mistake("holds no run", where=str(path), remedy=_FORM)
    return runs


def read_dates(path: Path) -> dict[str, date]:
    """Release dates by agent: a YAML or JSON mapping, or one under the key ``date``.

    Raises:
        Mistake: the file cannot be read, or a value is no date.
    """
    try:
        document = yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        raise Mistake(
            "is neither YAML nor JSON", where=str(path), remedy="write agent: YYYY-MM-DD"
        ) from error
    except ValueError as error:
        raise Mistake(
            f"holds a date that does not exist ({error})", where=str(path), remedy="write agent: YYYY-MM-DD"
        ) from error
    if isinstance(document, dict) and isinstance(document.get("date"), dict):
        document = document["date"]
    if not isinstance(document, dict):
        raise Mistake("is not a mapping", where=str(path), remedy="write agent: YYYY-MM-DD, one a line")
    return {str(agent): _date(value, str(path), str(agent)) for agent, value in document.items()}


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            yield number, line


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Mistake("is not UTF-8", where=str(path), remedy="save it as UTF-8") from error
    except OSError as error:
        raise Mistake(f"cannot be read ({error.strerror})", where=str(path), remedy="name a file") from error


def _run(line: str, where: str) -> Run:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Mistake("is not JSON", where=where, remedy=_FORM) from error
    if not isinstance(value, dict):
        raise Mistake("is not a JSON object", where=where, remedy=_FORM)
    agent = _name(value, "agent" if value.get("agent") is not None else "alias", where)
    task, family = _name(value, "task_id", where), _name(value, "task_family", where)
    return Run(agent, task, family, _minutes(value, where), _score(value, where))


def _name(value: Mapping[str, Any], key: str, where: str) -> str:
    if value.get(key) is None:
        missing = "agent" if key == "alias" else key
        raise Mistake("is missing", where=where, key=missing, remedy=_FORM)
    if not isinstance(value[key], str) or not value[key]:
        raise Mistake("is not a name", where=where, key=key, remedy="write a text that is not empty")
    return str(value[key])


def _minutes(value: Mapping[str, Any], where: str) -> float:
    key = "human_minutes"
    number = _number(value, key, where)
    if not _SHORTEST <= number <= _LONGEST:
        raise Mistake(f"{number:g} is no length", where=where, key=key, remedy="write minutes above 0")
    return number


def _score(value: Mapping[str, Any], where: str) -> float:
    key = "score_binarized" if value.get("score_binarized") is not None else "score_cont"
    if value.get(key) is None:
        raise Mistake("is missing", where=where, key="score_binarized", remedy=_FORM)
    if isinstance(value[key], bool):
        return float(value[key])
    number = _number(value, key, where)
    if key == "score_binarized" and number not in (0, 1):
        raise Mistake(
            f"{number:g} is neither 0 nor 1", where=where, key=key, remedy="use score_cont for shares"
        )
    if not 0 <= number <= 1:
        raise Mistake(f"{number:g} lies outside 0 to 1", where=where, key=key, remedy="scale it to 0 to 1")
    return number


def _number(value: Mapping[str, Any], key: str, where: str) -> float:
    found = value.get(key)
    if found is None:
        raise Mistake("is missing", where=where, key=key, remedy=_FORM)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Mistake("is not a number", where=where, key=key, remedy="write a number, without quotes")
    try:
        return float(found)
    except OverflowError as error:
        raise Mistake("is too large", where=where, key=key, remedy="write a number of this world") from error


def _date(value: object, where: str, key: str) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise Mistake(f"{value!r} is no date", where=where, key=key, remedy="write YYYY-MM-DD") from error
