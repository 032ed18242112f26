"""MLflow shows what the run directory holds, once, and is rebuilt when that changes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments.planning.policy import load_policy
from experiments.reading.view import RunView
from experiments.tracking.store import sync
from experiments.tracking.tracking import default_uri
from experiments.verdict.gate import Verdict, judge


def metric_history(client: Any, run: Any, name: str) -> list[tuple[int, float]]:
    return sorted((point.step, point.value) for point in client.get_metric_history(run.info.run_id, name))


def runs_of(client: Any, name: str) -> list[Any]:
    experiment = client.get_experiment_by_name(name)
    return list(client.search_runs([experiment.experiment_id]))


def check_models(client: Any, regressions: dict[str, Any], trend: Any) -> None:
    """Each checkpoint has one LoggedModel, which its run made, its metrics name and the trend is about."""
    experiment = client.get_experiment_by_name("quickstart/regressions")
    models = {model.name: model for model in client.search_logged_models([experiment.experiment_id])}
    assert sorted(models) == ["pocket-0", "pocket-2000", "pocket-300"]
    last = models["pocket-2000"]
    assert last.source_run_id == regressions["pocket/2000"].info.run_id
    assert (last.status, last.params["step"], last.tags["tidegauge.verdict"]) == (
        "READY",
        "2000",
        "inconclusive",
    )
    assert {metric.key: metric.step for metric in last.metrics}["cap/ml/L0/strict"] == 2000
    about = client.get_run(trend.info.run_id).inputs
    assert {model.model_id for model in about.model_inputs} == {m.model_id for m in models.values()}


def check_trend(client: Any, trend: Any) -> None:
    """Its run holds the series by step, the verdict and every picture."""
    history = metric_history(client, trend, "cap/ml/L0/strict")
    assert history == [(0, 0.0), (300, pytest.approx(0.575)), (2000, pytest.approx(0.9875))]
    assert [step for step, _ in metric_history(client, trend, "find/scaffold.edit/rate_high")] == [
        0,
        300,
        2000,
    ]
    assert trend.data.tags["tidegauge.verdict"] == "inconclusive"
    pictures = [artefact.path for artefact in client.list_artifacts(trend.info.run_id, "trends")]
    names = ["trends/ml-L0-pocket", "trends/selfmod-L0-pocket"]
    rates = {f"trends/{name}-pocket.svg" for name in ("cheat.memorised", "cheat.scorer", "severity-3")}
    assert set(pictures) == {f"{name}.{form}" for name in names for form in ("png", "svg")} | rates
    picture = Path(client.download_artifacts(trend.info.run_id, f"{names[0]}.png")).read_bytes()
    assert picture.startswith(b"\x89PNG")
    experiment = client.get_experiment_by_name("quickstart/trends")
    assert experiment.tags["mlflow.note.content"].startswith("**The trend.**")
    assert trend.data.tags["mlflow.note.content"].startswith("**inconclusive** by policy quickstart")
    assert {a.path.split("+")[0] for a in client.list_artifacts(trend.info.run_id, "images")} == {
        "images/band~ml-L0-pocket", "images/band~selfmod-L0-pocket",
    }  # fmt: skip


def check_checkpoint(client: Any, last: Any, verdict: Verdict) -> None:
    """Its run holds its measures, what it was measured on and its tables."""
    assert metric_history(client, last, "usage/ml/L0/turns") == [(2000, 4.5)]
    assert last.data.params["tasks"] == "ml/tab@L0, selfmod/scaffold@L0"
    assert last.data.tags["family"] == "pocket"
    assert {a.path for a in client.list_artifacts(last.info.run_id)} == {
        "episodes.json", "experiment.yaml", "policy.yaml", "results.csv", "results.json", "results.txt",
    }  # fmt: skip
    assert (
        load_policy(client.download_artifacts(last.info.run_id, "policy.yaml")).digest
        == verdict.policy.digest
    )


def test_a_run_is_mirrored_once_and_replaced_when_it_changes(run_view: Callable[..., RunView]) -> None:
    view = run_view()
    verdict = judge(load_policy("quickstart"), view)
    said: list[str] = []

    first = sync(view, verdict, say=said.append)
    assert first.uri == default_uri(view.directory.parent)
    assert first.regressions == {"created": 3, "replaced": 0, "unchanged": 0}
    assert first.trends == {"created": 1, "replaced": 0, "unchanged": 0}
    assert said == ["making the MLflow database; this takes some 10 s, once"]

    from mlflow import MlflowClient

    client = MlflowClient(first.uri)
    (trend,) = runs_of(client, "quickstart/trends")
    check_trend(client, trend)
    assert (view.directory.parent / "mlartifacts").is_dir()

    regressions = {run.info.run_name: run for run in runs_of(client, "quickstart/regressions")}
    last = regressions["pocket/2000"]
    check_checkpoint(client, last, verdict)
    check_models(client, regressions, trend)

    again = sync(view, verdict, say=said.append)
    assert again.trends == {"created": 0, "replaced": 0, "unchanged": 1}
    assert again.regressions == {"created": 0, "replaced": 0, "unchanged": 3}
    assert len(said) == 1

    changed = sync(replace(view, lines=view.lines[:-1]), verdict)
    assert changed.trends == {"created": 0, "replaced": 1, "unchanged": 0}
    (rebuilt,) = runs_of(client, "quickstart/trends")
    assert metric_history(client, rebuilt, "cap/selfmod/L0/strict_n") == [(0, 4.0), (300, 4.0), (2000, 3.0)]
    fresh = {run.info.run_name: run for run in runs_of(client, "quickstart/regressions")}
    check_models(client, fresh, rebuilt)
