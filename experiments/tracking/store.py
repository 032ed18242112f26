"""The window on a run in MLflow. The run directory is the record; this is rebuilt from it at any time.

``<suite>/regressions`` holds one MLflow run per checkpoint, which is a LoggedModel that its metrics
name. ``<suite>/trends`` holds one per model family, suite version and hash, whose metrics are read back
from ``regressions``. Each run carries the digest of its content: the same content is left alone, another
replaces it, nothing is appended to; one that a writer left half written has no digest and is replaced.
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiments.reading.view import RunView
from experiments.record.anchors import stored_head
from experiments.record.locking import in_turn
from experiments.results.trend import trend
from experiments.text import file_name
from experiments.tracking import notes
from experiments.tracking.logged_models import HASH_TAG, make_model, models_of
from experiments.tracking.tracked import (
    STEP,
    TAG_LIMIT,
    Reading,
    TrackedRun,
    anchor_tags,
    checkpoint_run,
    common,
    family_run,
)
from experiments.tracking.tracking import artefact_root, connect, default_uri, pages
from experiments.verdict.gate import Verdict

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
#: Under the runs directory.
_LOCK: Final = ".mlflow.lock"


@dataclass(frozen=True, slots=True)
class SyncSummary:
    """What a sync did: MLflow runs by ``created``, ``replaced`` and ``unchanged``."""

    uri: str
    regressions: dict[str, int]
    trends: dict[str, int]


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
    with in_turn(runs / _LOCK, "brings MLflow up to date", say):
        if target == default_uri(runs) and not (runs / "mlflow.db").exists():
            say("making the MLflow database; this takes some 10 s, once")
        return _synced(connect(target), view, verdict, target, artefact_root(target, runs))


def _synced(
    client: "MlflowClient", view: RunView, verdict: Verdict | None, target: str, artefacts: str | None
) -> SyncSummary:
    series = trend(view)
    # Every invocation anchors something: that is brought up to date in place, and replaces nothing.
    tags = anchor_tags(stored_head(view.directory))
    shared = common(view, verdict)
    regressions = [checkpoint_run(view, series, one, shared) for one in view.ordered_checkpoints()]
    place = _experiment(client, view.suite, "regressions", artefacts)
    counts = _write_all(client, place, regressions, tags)
    models = models_of(client, place, view.hash)
    trends: list[TrackedRun] = []
    for family in view.families():
        runs = _runs(client, place, view.hash, family)
        evaluated = [models[run.info.run_id] for run in runs if run.info.run_id in models]
        trends.append(family_run(view, series, family, verdict, shared, _readings(runs), evaluated))
    place = _experiment(client, view.suite, "trends", artefacts)
    return SyncSummary(target, counts, _write_all(client, place, trends, tags))


def _runs(client: "MlflowClient", experiment: str, hash_: str, family: str | None = None) -> list[Any]:
    """The MLflow runs of one run hash, of one model family or of all, along the step."""
    wanted = f"tags.`{HASH_TAG}` = '{hash_}'"
    found = pages(
        client.search_runs, [experiment], wanted + (f" and tags.family = '{family}'" if family else "")
    )
    return sorted(found, key=lambda run: (int(run.data.params.get(STEP, 0)), run.info.run_id))


def _readings(runs: Sequence[Any]) -> list[Reading]:
    """The metrics of the checkpoints' runs, each at its checkpoint's step."""
    return sorted(
        (name, int(run.data.params[STEP]), float(value))
        for run in runs
        for name, value in run.data.metrics.items()
    )


def _write_all(
    client: "MlflowClient", experiment: str, contents: Sequence[TrackedRun], tags: Mapping[str, str]
) -> dict[str, int]:
    old = _by_key(client, experiment, contents)
    counts = {"created": 0, "replaced": 0, "unchanged": 0}
    for content in contents:
        counts[_write(client, experiment, content, old.get(content.key, []), tags)] += 1
    if counts["unchanged"] < len(contents):
        _drop_doubles(client, _by_key(client, experiment, contents))
    return counts


def _by_key(client: "MlflowClient", experiment: str, contents: Sequence[TrackedRun]) -> dict[str, list[Any]]:
    """What is there of the contents' run hashes, by the key of the content."""
    found: dict[str, list[Any]] = {}
    for hash_ in {content.hash for content in contents}:
        for run in _runs(client, experiment, hash_):
            found.setdefault(run.data.tags.get(KEY_TAG, ""), []).append(run)
    return found


def _drop_doubles(client: "MlflowClient", found: Mapping[str, Sequence[Any]]) -> None:
    """Keeps one of what two writers on different machines wrote at the same time: both keep the same one."""
    for runs in found.values():
        whole = [run for run in runs if DIGEST_TAG in run.data.tags]
        for run in sorted(whole, key=lambda run: (run.info.start_time, run.info.run_id))[1:]:
            client.delete_run(run.info.run_id)


def _experiment(client: "MlflowClient", suite: str, part: str, artefacts: str | None) -> str:
    """The id of ``<suite>/<part>``, made, restored and described as needed."""
    name = f"{suite}/{part}"
    found = client.get_experiment_by_name(name)
    if found is None:
        location = f"{artefacts}/{file_name(name)}" if artefacts else None
        identifier = _created(client, name, location)
    else:
        identifier = str(found.experiment_id)
        if found.lifecycle_stage != "active":
            client.restore_experiment(identifier)
    there = found.tags if found else {}
    for key, value in (KIND_TAG, (notes.NOTE_TAG, notes.experiment_note(suite, part))):
        if there.get(key) != value:
            client.set_experiment_tag(identifier, key, value)
    return identifier


def _created(client: "MlflowClient", name: str, location: str | None) -> str:
    """The id of a new experiment, or of the one that somebody else made in the meantime."""
    from mlflow.exceptions import MlflowException

    try:
        return str(client.create_experiment(name, artifact_location=location))
    except MlflowException:
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)


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
