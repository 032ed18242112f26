"""Real MLflow stores: SQLite, a tracking server over HTTP, PostgreSQL; and what each of them holds."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.tracking.tracking import connect, pages

#: Seconds for a server to start on a slow machine.
START = 200.0
#: Where Debian keeps PostgreSQL's programs, and what it calls the user that they run as.
POSTGRES = "/usr/lib/postgresql"
DATABASE_USER = "postgres"


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"nothing listens on port {port}: {process.args!r} said {process.poll()}")


class Server:
    """``mlflow server`` on loopback, on a store of its own."""

    def __init__(self, folder: Path, store: Path, port: int) -> None:
        self.port = port
        self.uri = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        shutil.copy(store, folder / "mlflow.db")
        self.start()

    def start(self) -> None:
        """Starts it, and returns once it listens."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{self._folder / 'mlflow.db'}"]
        command += ["--artifacts-destination", str(self._folder / "artefacts")]
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=os.environ | quiet, stdout=log, stderr=log, start_new_session=True
            )
        await_port(self.port, self._process)

    def kill(self) -> None:
        """Ends it with all its processes, in the middle of whatever it does."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path, free_ports: Callable[[], int]
) -> Iterator[Server]:
    """A tracking server over HTTP."""
    started = Server(tmp_path_factory.mktemp("server"), empty_store, free_ports())
    yield started
    started.kill()


@pytest.fixture(scope="session")
def postgres(free_ports: Callable[[], int]) -> Iterator[str]:
    """The address of a database in a PostgreSQL cluster of this session's own."""
    found = sorted(Path(POSTGRES).glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.skip("no PostgreSQL here: tests/tools.sh installs it as root on Debian")
    programs = found[-1].parent
    # PostgreSQL refuses root, and pytest's directories are closed to everybody else.
    user = DATABASE_USER if os.geteuid() == 0 else None
    data = Path(tempfile.mkdtemp(prefix="tidegauge-postgres-"))
    if user is not None:
        shutil.chown(data, user)
    port = free_ports()
    named = ["--username=test", "--auth=trust", "--no-sync", "--no-instructions"]
    subprocess.run(
        [programs / "initdb", "-D", data, *named], user=user, check=True, stdout=subprocess.DEVNULL, cwd="/"
    )
    settings = [f"-cport={port}", "-clisten_addresses=127.0.0.1", "-cunix_socket_directories=", "-cfsync=off"]
    process = subprocess.Popen(
        [programs / "postgres", "-D", data, *settings], user=user, stderr=subprocess.DEVNULL, cwd="/"
    )
    try:
        await_port(port, process)
        yield f"postgresql://test@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        shutil.rmtree(data)


def _shown(tags: dict[str, str]) -> dict[str, str]:
    """Tags without those that say when, where and by whom."""
    return {k: v for k, v in tags.items() if not k.startswith("mlflow.") or k == "mlflow.note.content"}


def _artefacts(client: Any, run: str, folder: Path, under: str = "") -> dict[str, str]:
    """Digest by name; the copies for the chart view, whose names hold the time, by the name of their picture."""
    found: dict[str, str] = {}
    for entry in client.list_artifacts(run, under or None):
        if entry.is_dir:
            found |= _artefacts(client, run, folder, entry.path)
        else:
            content = Path(client.download_artifacts(run, entry.path, str(folder))).read_bytes()
            name, timed, _ = entry.path.partition("+")
            found[name] = "a picture" if timed else hashlib.sha256(content).hexdigest()
    return found


def held(uri: str, suite: str, folder: Path) -> dict[str, Any]:
    """All that the store holds of a suite but ids and times: runs and models by experiment and key."""
    client = connect(uri)
    found: dict[str, Any] = {}
    for part in ("regressions", "trends"):
        experiment = client.get_experiment_by_name(f"{suite}/{part}")
        assert experiment is not None
        for run in pages(client.search_runs, [experiment.experiment_id], ""):
            key = f"{part}:{run.data.tags['tidegauge.key']}"
            assert key not in found, f"{key} is there twice"
            points = [
                p for name in run.data.metrics for p in client.get_metric_history(run.info.run_id, name)
            ]
            found[key] = {
                "name": run.info.run_name,
                "status": run.info.status,
                "metrics": sorted((p.key, p.step, p.value) for p in points),
                "params": run.data.params,
                "tags": {k: v for k, v in _shown(run.data.tags).items() if k != "tidegauge.digest"},
                "models": len(run.inputs.model_inputs),
                "artefacts": _artefacts(client, run.info.run_id, folder),
            }
        for model in pages(client.search_logged_models, [experiment.experiment_id], ""):
            key = f"model:{model.name}"
            assert key not in found, f"{key} is there twice"
            numbers = sorted((m.key, m.step, m.value) for m in model.metrics or [])
            found[key] = {"params": model.params, "tags": _shown(model.tags), "metrics": numbers}
    return found


@pytest.fixture
def holds(tmp_path: Path) -> Callable[[str, str], dict[str, Any]]:
    """``holds(uri, suite)``: what a store holds, so that two of them can be compared."""
    return lambda uri, suite: held(uri, suite, tmp_path)
