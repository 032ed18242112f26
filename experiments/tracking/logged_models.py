"""LoggedModels: one per checkpoint in MLflow's registry of what was measured, made with the run that measures it."""

from typing import TYPE_CHECKING, Final

from experiments.tracking.tracked import TrackedRun
from experiments.tracking.tracking import pages

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: What MLflow shows as the kind of the model: its weights are elsewhere, this is the state under test.
MODEL_TYPE: Final = "checkpoint"
HASH_TAG: Final = "tidegauge.hash"


def make_model(client: "MlflowClient", experiment: str, run: str, content: TrackedRun) -> str | None:
    """The id of a new LoggedModel for ``content`` with ``run`` as its source; None if it makes none.

    The model is an input of its run: the run measures it, and does not train it.
    """
    from mlflow.entities import LoggedModelInput

    if content.model is not None:
        tags = {key: value for key, value in content.tags.items() if key.startswith("tidegauge.")}
        made = client.create_logged_model(
            experiment,
            name=content.model,
            source_run_id=run,
            tags=tags | {HASH_TAG: content.hash, "family": content.tags["family"]},
            params=content.params,
            model_type=MODEL_TYPE,
        )
        client.finalize_logged_model(made.model_id, "READY")
        client.log_inputs(run, models=[LoggedModelInput(made.model_id)])
        return str(made.model_id)
    if content.evaluates:
        client.log_inputs(run, models=[LoggedModelInput(model) for model in content.evaluates])
    return None


def models_of(client: "MlflowClient", experiment: str, hash_: str) -> dict[str, str]:
    """Id of the LoggedModel by the run that made it, of one run hash; those of deleted runs are removed."""
    live = {
        run.info.run_id for run in pages(client.search_runs, [experiment], f"tags.`{HASH_TAG}` = '{hash_}'")
    }
    kept: dict[str, str] = {}
    for model in pages(client.search_logged_models, [experiment], f"tags.`{HASH_TAG}` = '{hash_}'"):
        if model.source_run_id in live:
            kept[model.source_run_id] = model.model_id
        else:
            client.delete_logged_model(model.model_id)
    return kept
