"""The window on a run in MLflow. The run directory is the record; this is rebuilt from it at any time.

``<suite>/regressions`` holds one MLflow run per checkpoint, ``<suite>/trends`` one per model family,
suite version and hash. Each carries the digest of its content: the same content is left alone,
another replaces it, nothing is appended to. One process writes at a time.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiments.gate import Verdict
from experiments.tracked import TAG_LIMIT, TrackedRun, checkpoint_run, common_tags, family_run, file_name
from experiments.trend import trend
from experiments.view import RunView

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEY_TAG: Final = "tidegauge.key"
HASH_TAG: Final = "tidegauge.hash"
DIGEST_TAG: Final = "tidegauge.digest"
#: MLflow's limit on metrics in one request.
BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class SyncSummary:
    """What a sync did: MLflow runs by ``created``, ``replaced`` and ``unchanged``."""

    uri: str
    regressions: dict[str, int]
    trends: dict[str, int]


def default_uri(runs: Path) -> str:
    """The SQLite store under the runs directory."""
    return f"sqlite:///{runs.resolve() / 'mlflow.db'}"


def sync(
    view: RunView,
    verdict: Verdict | None,
    *,
    uri: str | None = None,
    tags: Mapping[str, str] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> SyncSummary:
    """Brings MLflow to what the run directory holds.

    Args:
        verdict: its outcome and policy become tags and threshold lines.
        uri: a tracking URI; None is SQLite beside the run, artefacts in ``mlartifacts``.
        tags: further tags for every MLflow run, such as the head of the anchors.
        say: told what takes long.

    Raises:
        mlflow.exceptions.MlflowException: the store refused or cannot be reached.
    """
    runs = view.directory.resolve().parent
    target = uri or default_uri(runs)
    if target == default_uri(runs) and not (runs / "mlflow.db").exists():
        say("making the MLflow database; this takes some 10 s, once")
    client = _client(target)
    # A server decides where its artefacts lie; a database on disk keeps them beside itself.
    artefacts = (runs / "mlartifacts").as_uri() if target.startswith("sqlite:") else None
    series = trend(view)
    common = common_tags(view, verdict) | dict(tags or {})
    regressions = [
        checkpoint_run(view, series, checkpoint, common) for checkpoint in view.ordered_checkpoints()
    ]
    trends = [family_run(view, series, family, verdict, common) for family in view.families()]
    return SyncSummary(
        target,
        _write_all(client, f"{view.suite}/regressions", artefacts, regressions),
        _write_all(client, f"{view.suite}/trends", artefacts, trends),
    )


def _client(uri: str) -> "MlflowClient":
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # Its own seven retries take minutes where nothing listens, and the run directory is the record.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _write_all(
    client: "MlflowClient", name: str, artefacts: str | None, contents: Sequence[TrackedRun]
) -> dict[str, int]:
    experiment = _experiment(client, name, artefacts)
    old: dict[str, list[Any]] = {}
    for hash_ in {content.hash for content in contents}:
        for run in client.search_runs([experiment], f"tags.`{HASH_TAG}` = '{hash_}'"):
            old.setdefault(run.data.tags.get(KEY_TAG, ""), []).append(run)
    counts = {"created": 0, "replaced": 0, "unchanged": 0}
    for content in contents:
        counts[_write(client, experiment, content, old.get(content.key, []))] += 1
    return counts


def _experiment(client: "MlflowClient", name: str, artefacts: str | None) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        location = f"{artefacts}/{file_name(name)}" if artefacts else None
        return str(client.create_experiment(name, artifact_location=location))
    if found.lifecycle_stage != "active":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _write(client: "MlflowClient", experiment: str, content: TrackedRun, old: Sequence[Any]) -> str:
    """Writes the content unless it is there; what it replaces is deleted once the new one stands."""
    wanted = content.digest()
    # The digest is written last: a run that has it is whole.
    same = [run for run in old if run.data.tags.get(DIGEST_TAG) == wanted]
    if not same:
        _create(client, experiment, content, wanted)
    for run in old:
        if run not in same[:1]:
            client.delete_run(run.info.run_id)
    return "unchanged" if same else "replaced" if old else "created"


def _create(client: "MlflowClient", experiment: str, content: TrackedRun, wanted: str) -> None:
    from mlflow.entities import Metric, Param, RunTag

    run = client.create_run(
        experiment, run_name=content.name, tags={KEY_TAG: content.key, HASH_TAG: content.hash}
    )
    identifier = run.info.run_id
    now = int(time.time() * 1000)
    metrics = [Metric(name, value, now, step) for name, step, value in content.metrics]
    for start in range(0, len(metrics), BATCH):
        client.log_batch(identifier, metrics=metrics[start : start + BATCH])
    tags = [RunTag(key, value) for key, value in content.tags.items() if len(value) <= TAG_LIMIT]
    client.log_batch(identifier, params=[Param(*item) for item in content.params.items()], tags=tags)
    for name, text in content.texts.items():
        client.log_text(identifier, text, name)
    for name, draw in content.pictures.items():
        _log_bytes(client, identifier, draw(), name)
    client.set_terminated(identifier)
    client.set_tag(identifier, DIGEST_TAG, wanted)


def _log_bytes(client: "MlflowClient", run: str, data: bytes, name: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="tidegauge-") as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(data)
        client.log_artifact(run, str(path), str(Path(name).parent))
