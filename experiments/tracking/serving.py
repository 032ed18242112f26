"""How the MLflow UI is served on this project's store."""

import os
import socket
import sys
from pathlib import Path
from typing import Final

from experiments.tracking.tracking import default_uri
from sandbox.errors import Mistake

HOST: Final = "127.0.0.1"


def server_command(runs: Path, port: int) -> list[str]:
    """The command that serves the UI of the store under ``runs`` on loopback."""
    # One worker starts in a third of the time of four, with 490 MB in place of 1.3 GB.
    alone = ["--workers", "1", "--uvicorn-opts", "--log-level warning"]
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), *alone]
    return [*command, "--backend-store-uri", default_uri(runs)]


def check_port(port: int) -> None:
    """Refuses a port that cannot be served on.

    Raises:
        Mistake: another program listens there, or the port is not for this user.
    """
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError as error:
            remedy = "name another port"
            raise Mistake(f"{port}: {error.strerror}", where="ui", key="--port", remedy=remedy) from error


def server_environment() -> dict[str, str]:
    """The environment of that command."""
    return {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Else it starts workers for jobs, which there are none of.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # What libraries deprecate among themselves is nothing to whoever looks at the UI.
        "PYTHONWARNINGS": "ignore",
    }
