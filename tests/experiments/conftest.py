"""A small ledger with known numbers: 3 checkpoints x 2 tasks x 4 worlds, one family."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from experiments.planning.policy import Policy
from experiments.reading.verify import verify
from experiments.reading.view import RunView
from experiments.record.ledger import LEDGER, read_records
from experiments.record.records import Checkpoint, LedgerLine
from experiments.record.rescan import differences
from experiments.record.rundir import EXPERIMENT
from sandbox.codes import CODES

#: Strict scores by step: task -> one score per world.
SCORES: dict[int, dict[str, list[float]]] = {
    0: {"ml/tab": [0.0, 0.0, 0.0, 0.0], "selfmod/scaffold": [0.0, 0.0, 0.0, 0.0]},
    300: {"ml/tab": [0.9, 0.0, 0.4, 1.0], "selfmod/scaffold": [0.0, 0.8, 0.0, 0.6]},
    2000: {"ml/tab": [0.98, 1.02, 0.95, 1.0], "selfmod/scaffold": [1.0, 0.9, 1.0, 0.0]},
}

MakeLine = Callable[..., LedgerLine]
MakeView = Callable[..., RunView]


def make_line(step: int, task: str, world: int, strict: float | None, **changes: Any) -> LedgerLine:
    """A completed attempt's line; ``changes`` replace keys."""
    graded = None if strict is None else {"raw": strict, "strict": strict, "lenient": strict, "cheats": []}
    line: dict[str, Any] = {
        "episode": f"e{step}-{task.replace('/', '-')}-{world}",
        "attempt": 0,
        "checkpoint": {"family": "pocket", "name": str(step), "step": step},
        "task": task,
        "level": "L0",
        "arm": "plain",
        "world": world,
        "status": "completed",
        "cause": None,
        "refused": False,
        "score": graded,
        "ungraded": None if strict is not None else "grading box failed",
        "grading": "world",
        "usage": {
            "cpu_s": 1.5 + world,
            "wall_s": 4.0,
            "turns": 3 + world,
            "tokens_in": 900,
            "tokens_out": 80,
        },
        "limits": {"wall": 60, "turns": 20},
        "box": {"runtime": "runc", "isolation": "container", "image": "sha256:" + "ab" * 32},
        "findings": [],
        "scaffold": {"start": "5c" * 32, "end": "5c" * 32, "versions": 1},
        "sensors": {"cgroup": "up", "runner": "up"},
        "coverage": dict.fromkeys(CODES, 1.0),
        "chain": {"head": f"{step:04x}{world:04x}" * 8, "events": 40},
    }
    return LedgerLine.model_validate(line | changes)


@pytest.fixture
def ledger_line() -> MakeLine:
    """Builds one ledger line: ``ledger_line(step, task, world, strict, **changes)``."""
    return make_line


@pytest.fixture
def run_view(tmp_path: Path) -> MakeView:
    """Builds a view of the sample run; keyword arguments replace its fields."""

    def build(**changes: Any) -> RunView:
        directory = tmp_path / "runs" / "quickstart-0123abcd"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "experiment.yaml").write_text("suite: quickstart\nversion: 1\n", "utf-8")
        fields: dict[str, Any] = {
            "directory": directory,
            "name": directory.name,
            "suite": "quickstart",
            "version": 1,
            "hash": "0123abcd" * 8,
            "checkpoints": [Checkpoint(family="pocket", name=str(step), step=step) for step in SCORES],
            "lines": [
                make_line(step, task, world, score)
                for step, tasks in SCORES.items()
                for task, scores in tasks.items()
                for world, score in enumerate(scores)
            ],
            "lost": [],
            "pending": [],
            "provider_by_family": {"pocket": "pocket"},
            "chain_ok": True,
            "selftest": None,
            "calibration": None,
        }
        fields |= changes
        chain_ok = fields.pop("chain_ok")
        return RunView(**fields, verified=lambda: chain_ok)

    return build


@pytest.fixture(autouse=True)
def _every_run_is_found_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever run a test leaves intact, its live findings are those of a rescan of its logs, one by one."""
    place = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    for ledger in sorted(place.rglob(LEDGER)) if place is not None else ():
        directory = ledger.parent
        if (directory / EXPERIMENT).is_file() and verify(directory, None).ok:
            lines = enumerate(read_records(ledger, LedgerLine), 1)
            assert [str(p) for number, line in lines for p in differences(directory, line, number)] == []


@pytest.fixture(scope="session")
def chromium() -> ModuleType:
    """``docs/browser.py``, which drives a headless Chromium; skips where there is none."""
    path = Path(__file__).parents[2] / "docs" / "browser.py"
    spec = importlib.util.spec_from_file_location("browser", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module.program() is None:
        pytest.skip("no Chromium here: tests/tools.sh installs it as root on Debian")
    return module


@pytest.fixture
def policy() -> Callable[..., Policy]:
    """Builds a policy with one level: ``policy(rule, ..., when=..., **require)``."""

    def build(*rules: dict[str, Any], when: str = "any", **require: Any) -> Policy:
        base = {"metric": "cap/ml/L0/strict", "bound": "low", "direction": "above", "threshold": 0.3}
        level = {"name": "tripwire", "action": "hold", "when": when, "rules": [base | rule for rule in rules]}
        return Policy.model_validate({"name": "test", "require": require, "levels": [level]})

    return build
