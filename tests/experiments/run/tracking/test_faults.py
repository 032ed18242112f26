"""A tracking server that goes away costs nothing: the run ends as it would have, and is synced later."""

import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from experiments.cli import run_command
from experiments.planning.policy import load_policy
from experiments.reading.reading import load_view
from experiments.record.records import EpisodeSpec
from experiments.tracking.store import sync
from experiments.tracking.tracking import default_uri
from experiments.verdict.gate import judge

Holds = Callable[[str, str], dict[str, Any]]


@pytest.fixture(autouse=True)
def give_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is gone in these tests does not come back by waiting."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@contextmanager
def cut_after(port: int, size: int) -> Iterator[int]:
    """The port of a way to ``port`` that breaks for good once ``size`` bytes have gone there."""
    left, lock = [size], threading.Lock()
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                with lock:
                    left[0] -= len(data) if counted else 0
                    open_ = left[0] > 0
                if not open_:
                    break
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                if left[0] <= 0:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", port))
                threading.Thread(target=pump, args=(client, server, True), daemon=True).start()
                threading.Thread(target=pump, args=(server, client, False), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    left[0] = 0
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_wherever_the_connection_breaks_a_later_sync_makes_it_whole(
    run_paper: Any, server: Any, tmp_path: Path, empty_store: Path, holds: Holds
) -> None:
    (tmp_path / "runs").mkdir()
    shutil.copy(empty_store, tmp_path / "runs" / "mlflow.db")
    directory = run_paper(None, "tracking.uri=null", "suite=broken").view.directory
    view = load_view(directory)
    verdict = judge(load_policy("quickstart"), view)
    for size in (1_000, 25_000, 70_000):
        with cut_after(server.port, size) as port, pytest.raises(MlflowException):
            sync(view, verdict, uri=f"http://127.0.0.1:{port}")
    sync(view, verdict, uri=server.uri)
    assert holds(server.uri, "broken") == holds(default_uri(directory.parent), "broken")


def test_a_run_whose_server_dies_in_the_middle_loses_nothing(
    run_paper: Any, paper: Any, server: Any, holds: Holds, capsys: pytest.CaptureFixture[str]
) -> None:
    attempts: list[EpisodeSpec] = []

    def dies_at_the_second(spec: EpisodeSpec) -> str:
        attempts.append(spec)
        if len(attempts) == 2:
            server.kill()
        return "completed"

    said: list[str] = []
    result = run_paper(paper(dies_at_the_second), f"tracking.uri={server.uri}", "suite=orphan", said=said)
    assert (len(attempts), result.outcome.complete) == (4, True)
    assert f"`tidegauge sync {result.view.name}` does it later" in said[-1]
    server.start()
    capsys.readouterr()
    assert run_command(["sync", str(result.view.directory), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "uri": server.uri,
        "regressions": {"created": 2, "replaced": 0, "unchanged": 0},
        "trends": {"created": 1, "replaced": 0, "unchanged": 0},
    }
    points = holds(server.uri, "orphan")["trends:script"]["metrics"]
    assert [(step, value) for name, step, value in points if name == "cap/ml/L0/lenient"] == [
        (0, 0.5),
        (1, 0.5),
    ]
