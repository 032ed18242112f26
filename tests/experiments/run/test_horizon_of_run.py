"""``tidegauge horizon RUN`` reads a run's own checkpoints, strict and lenient."""

import json
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import run_command
from experiments.reading.reading import load_view
from experiments.record.rundir import EXPERIMENT, list_runs, read_experiment
from experiments.reporting.report import html
from experiments.results.horizon import runs_of
from experiments.results.lengths import P50, P80, horizons_of, minutes_of
from experiments.results.trend import trend
from experiments.stats.horizon.table import Run
from sandbox.errors import Mistake


def test_a_runs_checkpoints_are_agents_and_one_length_gives_no_horizon(
    run_paper: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = run_paper().view.name
    capsys.readouterr()
    assert run_command(["horizon", name, "--runs", str(tmp_path / "runs"), "--draws", "20", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document["agents"]) == ["script/early", "script/late"]
    late = document["agents"]["script/late"]
    assert (late["p50"], late["runs"]) == (None, 2)
    assert late["causes"]["p50"] == "no horizon: all tasks are of one length"
    assert (
        document["scoring"] == "strict" and document["lenient"]["agents"].keys() == document["agents"].keys()
    )


def test_an_episode_succeeds_by_its_score_and_ungraded_ones_are_left_out(
    run_paper: Any, tmp_path: Path, run_view: Any, ledger_line: Any
) -> None:
    run_paper()
    (directory,) = list_runs(tmp_path / "runs")
    cheat = {"raw": 1.4, "strict": 0.0, "lenient": 1.4, "cheats": ["cheat.tests"]}
    lines = [ledger_line(0, "ml/tab", 0, 0.0, score=cheat), ledger_line(0, "ml/tab", 1, None)]
    runs = runs_of(run_view(directory=directory, lines=lines))
    assert runs == {
        "strict": [Run("pocket/0", "ml/tab@L0", "ml", 3.0, 0.0)],
        "lenient": [Run("pocket/0", "ml/tab@L0", "ml", 3.0, 1.0)],
    }
    with pytest.raises(Mistake, match="no graded episode of arm plain"):
        runs_of(run_view(directory=directory, lines=lines[1:]))


def test_a_task_of_another_major_version_has_no_known_length(run_paper: Any, tmp_path: Path) -> None:
    run_paper()
    (directory,) = list_runs(tmp_path / "runs")
    file = directory / EXPERIMENT
    written = file.read_text()
    version = read_experiment(directory).tasks[0][2]
    major = version.split(".")[0]
    file.write_text(written.replace(f"- {version}\n", f"- {major}.99.0\n"))
    assert minutes_of(directory) == {"ml/tab@L0": 3.0}
    file.write_text(written.replace(f"- {version}\n", "- 0.0.9\n"))
    with pytest.raises(Mistake, match=r"human_minutes: ml/tab@L0 was run in version 0\.0\.9, and is"):
        runs_of(load_view(directory, check=False))


def test_each_checkpoints_horizon_is_a_metric_of_the_trend(
    run_paper: Any, tmp_path: Path, run_view: Any, ledger_line: Any
) -> None:
    """With two lengths of task it has a value; the tasks' own cause stands where it has none."""
    run_paper()
    (directory,) = list_runs(tmp_path / "runs")
    (series,) = trend(load_view(directory, check=False)).of("cap/ml/L0/strict")
    assert len(series.points) == 2
    absent = trend(load_view(directory, check=False)).absent["horizon/p50_minutes"]
    assert absent == "not measured: no horizon: all tasks are of one length"
    page = html(load_view(directory, check=False), None)
    assert "p50 and p80 not measured: all tasks are of one length" in page
    minutes = {f"t{i}@L0": 2.0**i for i in range(12)}
    lines = [
        ledger_line(0, f"t{i}", world, float(world < 4 - i / 3)) for i in range(12) for world in range(4)
    ]
    results = run_view(lines=lines).results()
    found = horizons_of(results, minutes)[P50]
    assert found.value is not None and found.n == 48 and found.coverage == 1.0
    assert 2**4 < found.value < 2**8
    assert found.high is not None and found.ceiling == found.high
    refusing = [line if line.score.strict else line.model_copy(update={"refused": True}) for line in lines]
    refused = horizons_of(run_view(lines=refusing).results(), minutes)[P50]
    assert (refused.value, refused.high, refused.ceiling) == (found.value, None, None)
    assert refused.cause == "no horizon: none of 48 runs failed"
    assert horizons_of(results, {})[P80].cause == "not measured: no length of " + ", ".join(sorted(minutes))
    assert horizons_of([], minutes)[P50].cause == "not measured: no graded episode"
