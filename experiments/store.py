"""The window on a run in MLflow. The run directory is the record; this is rebuilt from it at any time.

``<suite>/regressions`` holds one MLflow run per checkpoint, ``<suite>/trends`` one per model family,
suite version and hash; each checkpoint is a LoggedModel, which its metrics name. Each run carries the digest of its content: the same content is left alone,
another replaces it, nothing is appended to. One process writes at a time.
"""

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiments import notes
from experiments.anchors import stored_head
from experiments.gate import Verdict
from experiments.logged_models import HASH_TAG, make_model, models_of
from experiments.text import file_name
from experiments.tracked import TAG_LIMIT, TrackedRun, anchor_tags, checkpoint_run, common, family_run
from experiments.trend import trend
from experiments.view import RunView

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEY_TAG: Final = "tidegauge.key"
DIGEST_TAG: Final = "tidegauge.digest"
#: Without it the UI asks everybody what kind of experiment this is, and opens another view.
KIND_TAG: Final = ("mlflow.experimentKind", "custom_model_development")
#: The chart view's section of pictures with band and policy lines; its name sorts before ``cap``.
BAND: Final = "band"
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
    say: Callable[[str], None] = lambda text: None,
) -> SyncSummary:
    """Brings MLflow to what the run directory holds.

    Args:
        verdict: its outcome and policy become tags and threshold lines.
        uri: a tracking URI; None is SQLite beside the run, artefacts in ``mlartifacts``.
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
    # Every invocation anchors something: that is brought up to date in place, and replaces nothing.
    tags = anchor_tags(stored_head(view.directory))
    shared = common(view, verdict)
    checkpoints = list(view.ordered_checkpoints())
    regressions = [checkpoint_run(view, series, checkpoint, shared) for checkpoint in checkpoints]
    place = _experiment(client, view.suite, "regressions", artefacts)
    counts = _write_all(client, place, regressions, tags)
    models = _models(client, place, view.hash)
    trends = [
        family_run(view, series, family, verdict, shared,
                   [models[str(c)] for c in checkpoints if c.family == family and str(c) in models])
        for family in view.families()
    ]  # fmt: skip
    place = _experiment(client, view.suite, "trends", artefacts)
    return SyncSummary(target, counts, _write_all(client, place, trends, tags))


def _client(uri: str) -> "MlflowClient":
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # Its own seven retries take minutes where nothing listens, and the run directory is the record.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _models(client: "MlflowClient", experiment: str, hash_: str) -> dict[str, str]:
    """Id of the LoggedModel by checkpoint, of one run hash."""
    by_run = models_of(client, experiment, hash_)
    return {client.get_run(run).data.tags[KEY_TAG]: model for run, model in by_run.items()}


def _write_all(
    client: "MlflowClient", experiment: str, contents: Sequence[TrackedRun], tags: Mapping[str, str]
) -> dict[str, int]:
    old: dict[str, list[Any]] = {}
    for hash_ in {content.hash for content in contents}:
        for run in client.search_runs([experiment], f"tags.`{HASH_TAG}` = '{hash_}'"):
            old.setdefault(run.data.tags.get(KEY_TAG, ""), []).append(run)
    counts = {"created": 0, "replaced": 0, "unchanged": 0}
    for content in contents:
        counts[_write(client, experiment, content, old.get(content.key, []), tags)] += 1
    return counts


def _experiment(client: "MlflowClient", suite: str, part: str, artefacts: str | None) -> str:
    """The id of ``<suite>/<part>``, made, restored and described as needed."""
    name = f"{suite}/{part}"
    found = client.get_experiment_by_name(name)
    if found is None:
        location = f"{artefacts}/{file_name(name)}" if artefacts else None
        identifier = str(client.create_experiment(name, artifact_location=location))
    else:
        identifier = str(found.experiment_id)
        if found.lifecycle_stage != "active":
            client.restore_experiment(identifier)
    there = found.tags if found else {}
    for key, value in (KIND_TAG, (notes.NOTE_TAG, notes.experiment_note(suite, part))):
        if there.get(key) != value:
            client.set_experiment_tag(identifier, key, value)
    return identifier


def _write(
    client: "MlflowClient",
    experiment: str,
    content: TrackedRun,
    old: Sequence[Any],
    tags: Mapping[str, str],
) -> str:
    """Writes the content unless it is there; what it replaces is deleted once the new one stands."""
    wanted = content.digest()
    # The digest is written last: a run that has it is whole.
    same = [run for run in old if run.data.tags.get(DIGEST_TAG) == wanted]
    identifier = same[0].info.run_id if same else _create(client, experiment, content, wanted)
    there = same[0].data.tags if same else {}
    for key, value in tags.items():
        if there.get(key) != value:
            client.set_tag(identifier, key, value)
    for run in old:
        if run not in same[:1]:
            client.delete_run(run.info.run_id)
    return "unchanged" if same else "replaced" if old else "created"


def _create(client: "MlflowClient", experiment: str, content: TrackedRun, wanted: str) -> str:
    from mlflow.entities import Metric, Param, RunTag

    run = client.create_run(
        experiment, run_name=content.name, tags={KEY_TAG: content.key, HASH_TAG: content.hash}
    )
    identifier = str(run.info.run_id)
    now = int(time.time() * 1000)
    model = make_model(client, experiment, identifier, content)
    metrics = [
        Metric(name, value, now, step, model_id=model, run_id=identifier)
        for name, step, value in content.metrics
    ]
    for start in range(0, len(metrics), BATCH):
        client.log_batch(identifier, metrics=metrics[start : start + BATCH])
    tags = [RunTag(key, value) for key, value in content.tags.items() if len(value) <= TAG_LIMIT]
    client.log_batch(identifier, params=[Param(*item) for item in content.params.items()], tags=tags)
    for name, text in content.texts.items():
        client.log_text(identifier, text, name)
    for name, draw in content.pictures.items():
        _log_picture(client, identifier, draw(), name)
    client.set_terminated(identifier)
    client.set_tag(identifier, DIGEST_TAG, wanted)
    return identifier


def _log_picture(client: "MlflowClient", run: str, data: bytes, name: str) -> None:
    """As an artefact, and once more in the form that the UI's chart view shows beside the charts."""
    from PIL import Image

    with tempfile.TemporaryDirectory(prefix="tidegauge-") as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(data)
        client.log_artifact(run, str(path), str(Path(name).parent))
        with Image.open(path) as picture:
            client.log_image(run, picture, key=f"{BAND}/{Path(name).stem}", step=0)
