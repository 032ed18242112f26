"""Where MLflow is: its address, the client that speaks to it, and one writer at a time."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: Under the runs directory, where MLflow's address is a database: no server keeps artefacts then.
ARTEFACTS: Final = "mlartifacts"
_PAGE: Final = 50
#: What the client would otherwise do: send telemetry, print addresses on standard output, and wait for
#: minutes where nothing answers. The run directory is the record, so that giving up costs nothing.
_SETTINGS: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


def default_uri(runs: Path) -> str:
    """The SQLite store under the runs directory."""
    return f"sqlite:///{runs.resolve() / 'mlflow.db'}"


def connect(uri: str) -> "MlflowClient":
    """A client of the store at ``uri``: ``sqlite:///…``, ``postgresql://…`` or ``http://…``."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    # Of its own accord it tells of each table that it makes.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    scheme, _, rest = uri.partition("://")
    # By name, as SQLAlchemy before 2.1 would look for another driver.
    return MlflowClient(tracking_uri=f"postgresql+psycopg://{rest}" if scheme == "postgresql" else uri)


def artefact_root(uri: str, runs: Path) -> str | None:
    """Where experiments keep artefacts: beside the runs for a database; None where a server decides."""
    return None if uri.startswith(("http://", "https://")) else (runs / ARTEFACTS).as_uri()


def pages(search: Any, experiments: list[str], wanted: str) -> list[Any]:
    """All results of one of the client's paged searches, for the filter ``wanted``."""
    found: list[Any] = []
    token: str | None = None
    while True:
        page = search(experiments, filter_string=wanted, max_results=_PAGE, page_token=token)
        found += page
        token = page.token
        if not token:
            return found
