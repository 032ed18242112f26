"""MLflow after a run is what ``sync`` would make of it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import run_command
from experiments.record.anchors import stored_head

UNCHANGED = {
    "regressions": {"created": 0, "replaced": 0, "unchanged": 2},
    "trends": {"created": 0, "replaced": 0, "unchanged": 1},
}


def tracked(uri: str) -> dict[str, dict[str, str]]:
    """Tags by MLflow run id."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiments = [client.get_experiment_by_name(f"paper/{part}") for part in ("regressions", "trends")]
    runs = client.search_runs([found.experiment_id for found in experiments])
    return {run.info.run_id: dict(run.data.tags) for run in runs}


def test_neither_sync_nor_a_run_with_nothing_to_do_writes_anew_what_is_there(
    run_paper: Any, tmp_path: Path, empty_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    store = f"tracking.uri=sqlite:///{tmp_path / 'mlflow.db'}"
    directory = run_paper(None, store).view.directory
    uri = store.removeprefix("tracking.uri=")
    before = tracked(uri)
    assert len(before) == 3
    capsys.readouterr()
    assert run_command(["sync", str(directory), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"uri": uri, **UNCHANGED}
    assert tracked(uri) == before
    run_paper(None, store)
    after, head = tracked(uri), stored_head(directory)
    assert head is not None and after.keys() == before.keys()
    for run, tags in after.items():
        assert tags["tidegauge.anchors_head"] == head.hash != before[run]["tidegauge.anchors_head"]
        assert int(tags["tidegauge.anchors_count"]) > int(before[run]["tidegauge.anchors_count"])
