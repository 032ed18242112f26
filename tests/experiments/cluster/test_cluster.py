"""On a Ray cluster of two container hosts: every way to it, what it probes, a host that dies, and what
of a run stays with Ray."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from experiments.record.identity import Secret
from experiments.record.rundir import list_runs, read_experiment
from sandbox.engine.container import Engine

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.box


def ledger(run: Path) -> list[dict[str, Any]]:
    path = run / "ledger.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def results(run: Path) -> Counter[str]:
    """How many results each episode has."""
    return Counter(line["episode"] for line in ledger(run) if line["status"] == "completed")


def holders(engine: Engine, runs: Path) -> set[str]:
    """Which processes hold boxes of the only run."""
    found = list_runs(runs) if runs.is_dir() else []
    return (
        {labels["holder"] for labels in engine.owned(read_experiment(found[0]).id).values()}
        if found
        else set()
    )


def served(upstream: Any) -> list[str]:
    """Options that make the config one served checkpoint."""
    entry = {"family": "served", "provider": "openai", "base_url": upstream.base_url, "api_key_env": "SERVED_KEY",
             "checkpoints": [{"name": "s1", "step": 1, "model": "m"}]}  # fmt: skip
    return ["--set", f"models={json.dumps([entry])}", "--set", "suite=served", "--set", "repeats=1"]


def test_a_host_killed_in_mid_run_loses_no_episode_and_no_box_knows_the_token(
    cluster: Any, engine: Engine
) -> None:
    driver: subprocess.Popen[str] = cluster.driver()
    until = time.monotonic() + 200
    try:
        while len(holders(engine, cluster.runs)) < 2:
            assert driver.poll() is None, driver.communicate()[1]
            assert time.monotonic() < until
            time.sleep(0.1)
        cluster.second.kill()
        out, error = driver.communicate(timeout=280)
    finally:
        driver.kill()
    assert json.loads(out)["episodes"] == {"completed": 4}, error
    assert "host second is gone; hosts left: 1" in error
    assert "AttemptAbandoned: the runner on second died" in error
    run = list_runs(cluster.runs)[0]
    assert set(results(run).values()) == {1}
    assert engine.owned(read_experiment(run).id) == {}
    logs = [path.read_text() for path in run.rglob("events.jsonl")]
    assert sum("HOME=/work" in log for log in logs) >= 4
    selftest = json.loads((run / "selftest.json").read_text())
    assert (set(selftest["hosts"]), selftest["regressed"]) == ({"first", "second"}, [])
    assert all(len(host["results"]) == len(selftest["checks"]) for host in selftest["hosts"].values())
    token = cluster.environment["RAY_AUTH_TOKEN"]
    assert not any(token in path.read_text() for path in run.rglob("*") if path.is_file())


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system of its own for one node needs root")
def test_a_node_that_lacks_something_is_named_before_anything_runs(
    cluster: Any, upstream: Any, tmp_path: Path
) -> None:
    cluster.runs.mkdir(exist_ok=True)
    hide = f'mount -t tmpfs none {cluster.runs} && exec "$@"'
    blind = cluster.node("blind", ["unshare", "--mount", "sh", "-c", hide, "sh"], without="SERVED_KEY")
    try:
        code, _, unseen = cluster.run("--set", "seed=2")
        other, _, keyless = cluster.run(*served(upstream), runs=tmp_path)
    finally:
        blind.kill()
    directory = next(run for run in list_runs(cluster.runs) if read_experiment(run).config["seed"] == 2)
    assert (code, other) == (1, 1)
    assert unseen.splitlines()[-1] == (
        f"tidegauge: node blind: does not see the run directory {directory}; "
        "put --runs on a file system that all nodes share"
    )
    assert keyless.splitlines()[-1] == (
        "tidegauge: node blind: lacks the variable SERVED_KEY, which holds a model's key; "
        "set it before `ray start` there"
    )
    assert upstream.bodies == []


@pytest.mark.skipif(os.geteuid() != 0, reason="a file of its own for one node needs root")
def test_a_node_whose_boxes_are_loose_is_named_and_no_episode_runs(cluster: Any, tmp_path: Path) -> None:
    place = ROOT / "docker" / "seccomp.json"
    profile = json.loads(place.read_text())
    profile["syscalls"].append({"names": ["memfd_create", "io_uring_setup"], "action": "SCMP_ACT_ALLOW"})
    (tmp_path / "loose.json").write_text(json.dumps(profile))
    loosen = f'mount --bind {tmp_path / "loose.json"} {place} && exec "$@"'
    loose = cluster.node("loose", ["unshare", "--mount", "sh", "-c", loosen, "sh"])
    try:
        code, _, error = cluster.run(runs=tmp_path / "runs")
    finally:
        loose.kill()
    (run,) = list_runs(tmp_path / "runs")
    assert (code, ledger(run), (run / "selftest.json").exists()) == (1, [], False)
    assert "the containment self-test regressed on loose: " in error.splitlines()[-1]


def test_a_node_that_dies_while_a_run_begins_is_left_out(cluster: Any, tmp_path: Path) -> None:
    brief = cluster.node("brief", [])
    driver = cluster.driver("--set", "repeats=1", runs=tmp_path)
    try:
        assert driver.stderr is not None
        assert "connecting" in next(line for line in driver.stderr if "Ray" in line)
        brief.kill()
        out, error = driver.communicate(timeout=280)
    finally:
        driver.kill()
        brief.kill()
    assert driver.returncode == 0, error
    assert json.loads(out)["episodes"] == {"completed": 2}


def test_a_ray_client_extends_the_same_run(cluster: Any) -> None:
    here = ["--set", "repeats=3", "--limit", "1", "--set", f"ray.address={cluster.client}"]
    assert cluster.document(*here)["episodes"] == {"completed": 5}


def test_ctrl_c_stops_a_job_in_order_and_the_same_command_resumes_it(
    cluster: Any, engine: Engine, tmp_path: Path
) -> None:
    asked = ["--set", "repeats=3", "--set", f"ray.address={cluster.jobs}"]
    driver: subprocess.Popen[str] = cluster.driver(*asked, runs=tmp_path)
    until = time.monotonic() + 200
    try:
        while not (list_runs(tmp_path) and ledger(list_runs(tmp_path)[0])):
            assert driver.poll() is None, driver.communicate()[1]
            assert time.monotonic() < until
            time.sleep(0.1)
        driver.send_signal(signal.SIGINT)
        _, error = driver.communicate(timeout=280)
    finally:
        driver.kill()
    run = list_runs(tmp_path)[0]
    job = next(line.split()[2] for line in error.splitlines() if line.startswith("Ray job "))
    again = f"`ray job logs {job} --address {cluster.jobs}` shows its log"
    assert driver.returncode == 130, error
    assert f"stopping {job}; Ctrl-C again does not wait for it, {again}" in error.splitlines()
    assert [line for line in error.splitlines() if line][-2:] == [
        f"{job} has stopped",
        "tidegauge: interrupted; what had ended is kept, the same command resumes",
    ]
    assert engine.owned(read_experiment(run).id) == {}
    assert list((tmp_path / ".jobs").iterdir()) == []
    assert 1 <= len(results(run)) < 6
    code, out, error = cluster.run(*asked, runs=tmp_path)
    assert code == 0, error
    done = json.loads(out)
    assert done["episodes"] == {"completed": 6}
    assert Path(done["directory"]) == run
    assert set(results(run).values()) == {1} and len(results(run)) == 6
    assert list((tmp_path / ".jobs").iterdir()) == []


def test_a_regression_submitted_as_a_job_exits_as_its_gate_does(cluster: Any, tmp_path: Path) -> None:
    options = ["--baseline", "script/a", "--set", f"ray.address={cluster.jobs}"]
    code, out, error = cluster.run(*options, runs=tmp_path, command="regress")
    document = json.loads(out)
    assert (code, document["verdict"]) == (3, "inconclusive"), error
    (run,) = list_runs(tmp_path)
    assert Path(document["directory"]) == run
    assert json.loads((run / "verdict.json").read_text())["verdict"] == "inconclusive"
    assert "<html" in (run / "report.html").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="another process's memory needs root")
def test_no_key_no_secret_and_no_world_seed_stays_with_ray(
    cluster: Any, upstream: Any, tmp_path: Path
) -> None:
    upstream.told = [upstream.completion("```bash\nsubmit\n```")]
    options = [*served(upstream), "--set", f"ray.address={cluster.jobs}"]
    code, _, error = cluster.run(*options, runs=tmp_path)
    assert code == 0, error
    # The runner had the key: its own node's, which never travelled.
    key = cluster.environment["SERVED_KEY"]
    assert {headers["authorization"] for _, _, headers, _ in upstream.seen} == {f"Bearer {key}"}
    path = Path(cluster.environment["TIDEGAUGE_SECRET_FILE"])
    secret = Secret(path.read_bytes(), path)
    seed = secret.world_seed(0, "ml/tab", "1.0.0", "L0", 0)
    written = [place.read_bytes() for root in (cluster.head.sessions, tmp_path, cluster.runs)
               for place in root.rglob("*") if place.is_file()]  # fmt: skip
    # The control store lists jobs, actors and their calls; the raylet holds the objects.
    store, raylet = cluster.memory("gcs_server"), cluster.memory("raylet")
    (run,) = list_runs(tmp_path)
    job = next(line.split()[2] for line in error.splitlines() if line.startswith("Ray job "))
    assert job.encode() in store
    assert any(secret.fingerprint.encode() in data for data in written)
    assert ledger(run)[0]["world"] == 0
    for hidden in (secret.value, seed, seed.hex().encode()):
        assert not any(hidden in data for data in (*written, store, raylet))
    # A raylet passes its environment on to runners.
    assert not any(key.encode() in data for data in (*written, store))
