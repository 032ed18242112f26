"""A run outlives a container engine whose socket is away or that hangs: it waits, says so, and finishes."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from experiments.reading.verify import verify
from experiments.record.identity import Secret
from experiments.record.rundir import list_runs, read_experiment
from sandbox.engine.container import Engine

TIDEGAUGE = Path(sys.executable).parent / "tidegauge"
_REAL = "/var/run/docker.sock"


class EngineProxy:
    """The machine's engine behind a socket of the test's own, which can go away or hang."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._flows = threading.Event()
        self._flows.set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    @contextmanager
    def gone(self) -> Iterator[None]:
        """The socket is away; connections that are open stay open."""
        away = self.path.with_suffix(".away")
        self.path.rename(away)
        try:
            yield
        finally:
            away.rename(self.path)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Connections are taken and stay open, and nothing comes."""
        self._flows.clear()
        try:
            yield
        finally:
            self._flows.set()

    def close(self) -> None:
        """Takes no more connections."""
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(_REAL)
                for source, sink in ((client, engine), (engine, client)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self._flows.wait()
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.mark.box
@pytest.mark.usefixtures("image")
@pytest.mark.parametrize(
    ("fault", "why"),
    [(EngineProxy.gone, "No such file or directory"), (EngineProxy.hung, "no answer in time")],
)
def test_a_run_outlives_an_engine_that_is_away_for_a_while(
    fault: Any, why: str, quick_config: Path, secret: Secret, tmp_path: Path, engine: Engine
) -> None:
    proxy = EngineProxy(tmp_path / "engine.sock")
    runs = tmp_path / "runs"
    command = [str(TIDEGAUGE), "run", str(quick_config), "--runs", str(runs), "--set", "repeats=2", "--local"]
    place = {**os.environ, "DOCKER_HOST": f"unix://{proxy.path}"}
    driver = subprocess.Popen([*command, "--slots=1"], env=place, stderr=subprocess.PIPE, text=True)
    assert driver.stderr is not None
    said = []
    for line in driver.stderr:
        said.append(line)
        if "running" in line:
            break
    while driver.poll() is None and not list(runs.glob("*/ledger.jsonl")):
        time.sleep(0.05)
    with fault(proxy):
        for line in driver.stderr:
            said.append(line)
            if line.startswith("waiting"):
                break
    said += driver.stderr.readlines()
    assert driver.wait() == 0, "".join(said)
    proxy.close()
    (told,) = [line for line in said if line.startswith("waiting")]
    assert told == f"waiting up to 300 s for the container engine: {why}; `tidegauge doctor` says more\n"
    (back,) = [line for line in said if "is back after" in line]
    assert re.fullmatch(r"the container engine is back after \d+ s; the run goes on\n", back)
    (directory,) = list_runs(runs)
    lines = [json.loads(line) for line in (directory / "ledger.jsonl").read_text().splitlines()]
    results = Counter(line["episode"] for line in lines if line["status"] == "completed")
    assert sorted(results.values()) == [1] * 4
    assert verify(directory, secret).problems == ()
    assert engine.owned(read_experiment(directory).id) == {}
