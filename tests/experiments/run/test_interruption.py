"""Whatever ends a driver in real boxes, the next run leaves one result an episode and no container."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from experiments.cli import run_command
from experiments.reading.verify import verify
from experiments.record.identity import Secret
from experiments.record.rundir import list_runs, read_experiment
from sandbox.engine.container import Engine

TIDEGAUGE = Path(sys.executable).parent / "tidegauge"


@pytest.mark.box
@pytest.mark.usefixtures("image")
@pytest.mark.parametrize(
    ("how", "end", "code"),
    [(["--local"], signal.SIGINT, 130), ([], signal.SIGTERM, 130), ([], signal.SIGKILL, -signal.SIGKILL)],
)
def test_an_interrupted_run_resumes(
    how: list[str],
    end: signal.Signals,
    code: int,
    quick_config: Path,
    secret: Secret,
    tmp_path: Path,
    engine: Engine,
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = tmp_path / "runs"
    command = [str(TIDEGAUGE), "run", str(quick_config), "--runs", str(runs), "--set", "repeats=3", "--json"]
    driver = subprocess.Popen([*command, *how], stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        directory = _wait_for_a_result(driver, runs)
        driver.send_signal(end)
        driver.communicate(timeout=120)
    finally:
        driver.kill()
    assert driver.returncode == code
    owner = read_experiment(directory).id
    if code == 130:
        assert engine.owned(owner) == {}
    capsys.readouterr()
    assert run_command([*command[1:], "--local"]) == 0
    assert json.loads(capsys.readouterr().out)["episodes"] == {"completed": 6}
    lines = [json.loads(line) for line in (directory / "ledger.jsonl").read_text().splitlines()]
    assert set(Counter(line["episode"] for line in lines).values()) == {1}
    assert engine.owned(owner) == {}
    assert verify(directory, secret).problems == ()


def _wait_for_a_result(driver: subprocess.Popen[str], runs: Path) -> Path:
    """Waits until the first of the six episodes is in the ledger and others are running."""
    assert driver.stderr is not None
    for line in driver.stderr:
        if "running" in line:
            break
    directory = list_runs(runs)[0]
    while driver.poll() is None and not (directory / "ledger.jsonl").exists():
        time.sleep(0.05)
    return directory
