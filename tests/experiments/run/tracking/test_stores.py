"""Every store that MLflow may lie in holds the same of a run, and again after it was lost."""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import run_command
from experiments.planning.policy import load_policy
from experiments.reading.reading import load_view
from experiments.tracking.store import sync
from experiments.tracking.tracking import default_uri
from experiments.verdict.gate import judge

Holds = Callable[[str, str], dict[str, Any]]
SUITE = "paper"
KEYS = ["model:script-early", "model:script-late", "regressions:script/early", "regressions:script/late",
        "trends:script"]  # fmt: skip


def synced(run: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What ``tidegauge sync --json`` says, which must be all that it prints."""
    capsys.readouterr()
    assert run_command(["sync", str(run), "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


@pytest.fixture
def stored(run_paper: Any, tmp_path: Path, empty_store: Path) -> Path:
    """A run that was logged to the SQLite store under the runs directory."""
    (tmp_path / "runs").mkdir()
    shutil.copy(empty_store, tmp_path / "runs" / "mlflow.db")
    return Path(run_paper(None, "tracking.uri=null").view.directory)


def test_a_store_that_was_lost_is_rebuilt_from_the_run_directory(
    stored: Path, empty_store: Path, holds: Holds, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = default_uri(stored.parent)
    before = holds(uri, SUITE)
    assert sorted(before) == KEYS
    shutil.rmtree(stored.parent / "mlartifacts")
    shutil.copy(empty_store, stored.parent / "mlflow.db")
    assert synced(stored, capsys)["regressions"] == {"created": 2, "replaced": 0, "unchanged": 0}
    assert holds(uri, SUITE) == before


@pytest.mark.parametrize("kind", ["server", "postgres"])
def test_a_server_and_a_database_hold_what_sqlite_holds(
    kind: str, stored: Path, request: pytest.FixtureRequest, holds: Holds
) -> None:
    given = request.getfixturevalue(kind)
    uri = given if isinstance(given, str) else given.uri
    view = load_view(stored)
    summary = sync(view, judge(load_policy("quickstart"), view), uri=uri)
    assert (summary.uri, summary.trends) == (uri, {"created": 1, "replaced": 0, "unchanged": 0})
    assert holds(uri, SUITE) == holds(default_uri(stored.parent), SUITE)


def test_writers_at_the_same_time_write_each_run_once(stored: Path, empty_store: Path, holds: Holds) -> None:
    uri = default_uri(stored.parent)
    before = holds(uri, SUITE)
    shutil.copy(empty_store, stored.parent / "mlflow.db")
    view = load_view(stored)
    verdict = judge(load_policy("quickstart"), view)
    with ThreadPoolExecutor(3) as writers:
        done = [writers.submit(sync, view, verdict) for _ in range(3)]
    created = sorted(future.result().regressions["created"] for future in done)
    assert created == [0, 0, 2]
    assert holds(uri, SUITE) == before
