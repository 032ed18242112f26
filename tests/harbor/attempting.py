"""Attempts at the public tasks of a test, and what they leave."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from experiments.record.records import LedgerLine

MakeTask = Callable[..., Path]
Attempted = Callable[..., dict[str, LedgerLine]]


def written(place: Path, models: Sequence[dict[str, Any]], **changes: Any) -> Path:
    """A config for the tasks written so far."""
    config = {
        "suite": "public", "profile": "harbor", "tasks": ["public"], "models": list(models), "retries": 0,
        "harbor": {"offline": True, "substitute": {"ubuntu:*": "base", "python:*": "episode"}}, "policy": "quickstart",
        "tracking": {"uri": "nothing://there"}, **changes,
    }  # fmt: skip
    (place / "config.yaml").write_text(yaml.safe_dump(config))
    return place / "config.yaml"


def by_name(lines: Iterable[LedgerLine]) -> dict[str, LedgerLine]:
    """By checkpoint and task."""
    return {f"{line.checkpoint.family} {line.task.removeprefix('harbor/')}": line for line in lines}


def read_log(log: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in log.read_text().splitlines()]


def scripted(place: Path, *commands: str) -> dict[str, Any]:
    turns = [f"```bash\n{command}\n```" for command in (*commands, "submit")]
    (place / "script.yaml").write_text(yaml.safe_dump({"turns": turns}))
    return {"family": "script", "provider": "scripted", "script": "script.yaml"}


def agent(name: str) -> dict[str, Any]:
    return {"family": name, "provider": "scripted", "agent": name}
