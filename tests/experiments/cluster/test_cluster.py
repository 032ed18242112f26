"""On a Ray cluster of two container hosts: every way to it, what it probes, and a host that dies."""

import json
import os
import subprocess
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from experiments.rundir import list_runs, read_experiment
from sandbox.container import Engine

pytestmark = [pytest.mark.box, pytest.mark.cluster, pytest.mark.timeout(240)]


def ledger(run: Path) -> list[dict[str, Any]]:
    path = run / "ledger.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def holders(engine: Engine, runs: Path) -> set[str]:
    """Which processes hold boxes of the only run."""
    found = list_runs(runs) if runs.is_dir() else []
    return (
        {labels["holder"] for labels in engine.owned(read_experiment(found[0]).id).values()}
        if found
        else set()
    )


def test_a_host_killed_in_mid_run_loses_no_episode_and_no_box_knows_the_token(
    cluster: Any, engine: Engine
) -> None:
    driver: subprocess.Popen[str] = cluster.driver()
    until = time.monotonic() + 90
    try:
        while len(holders(engine, cluster.runs)) < 2:
            assert driver.poll() is None and time.monotonic() < until
            time.sleep(0.1)
        cluster.second.kill()
        out, error = driver.communicate(timeout=150)
    finally:
        driver.kill()
    assert json.loads(out)["episodes"] == {"completed": 8}, error
    assert "host second is gone; hosts left: 1" in error
    assert "AttemptAbandoned: the runner on second died" in error
    run = list_runs(cluster.runs)[0]
    assert set(
        Counter(line["episode"] for line in ledger(run) if line["status"] == "completed").values()
    ) == {1}
    assert engine.owned(read_experiment(run).id) == {}
    logs = [path.read_text() for path in run.rglob("events.jsonl")]
    assert sum("HOME=/work" in log for log in logs) >= 8
    token = cluster.environment["RAY_AUTH_TOKEN"]
    assert not any(token in path.read_text() for path in run.rglob("*") if path.is_file())


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system of its own for one node needs root")
def test_a_node_that_does_not_see_the_run_directory_is_named_before_anything_runs(cluster: Any) -> None:
    cluster.runs.mkdir(exist_ok=True)
    hide = f'mount -t tmpfs none {cluster.runs} && exec "$@"'
    blind = cluster.node("blind", ["unshare", "--mount", "sh", "-c", hide, "sh"])
    try:
        code, _, error = cluster.run("--set", "seed=2")
    finally:
        blind.kill()
    directory = next(run for run in list_runs(cluster.runs) if read_experiment(run).config["seed"] == 2)
    assert code == 1
    assert error.splitlines()[-1] == (
        f"tidegauge: node blind: does not see the run directory {directory}; "
        "put --runs on a file system that all nodes share"
    )


@pytest.mark.skipif(find_spec("grpc") is None, reason="ray[client] is not installed")
def test_a_ray_client_extends_the_same_run(cluster: Any) -> None:
    here = ["--set", "repeats=5", "--limit", "1", "--set", f"ray.address={cluster.client}"]
    assert cluster.document(*here)["episodes"] == {"completed": 9}


@pytest.mark.skipif(find_spec("aiohttp_cors") is None, reason="ray[default] is not installed")
def test_a_job_carries_the_files_of_its_config_and_answers_with_its_result(cluster: Any) -> None:
    done = cluster.document("--set", "repeats=6", "--limit", "1", "--set", f"ray.address={cluster.jobs}")
    assert set(done["episodes"]) == {"completed"}
    assert Path(done["directory"]).parent == cluster.runs
    assert list((cluster.runs / ".jobs").iterdir()) == []
