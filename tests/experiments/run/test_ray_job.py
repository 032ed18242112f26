"""What a Ray job needs of a config, and what its end means."""

import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from experiments.attempts.ray_runner import _lacks
from experiments.planning.bundle import write_bundle
from experiments.planning.loading import job_address, load_config
from experiments.planning.plan import client_hash, make_plan
from experiments.record.identity import Secret
from experiments.running.ray_job import _entrypoint, _exit_code
from experiments.running.running import Request
from sandbox.canonical import sha256
from sandbox.errors import HostFault, Mistake


def test_an_unpacked_bundle_plans_the_same_run_elsewhere(
    config_file: Path, secret: Secret, tmp_path: Path
) -> None:
    scaffold = tmp_path / "mine"
    scaffold.mkdir()
    (scaffold / "main.py").write_text("print()\n")
    (scaffold / "tool").write_text("#!/bin/sh\n")
    (scaffold / "tool").chmod(0o755)
    (scaffold / ".gitignore").write_text("*\n")
    agent = "models.1={family: harness, provider: scripted, agent: ref}"
    changes = ("scaffold=./mine", "limits={wall: 30s}", "ray.address=http://head:1", agent)
    config = load_config(config_file, changes)
    write_bundle(config, tmp_path / "bundle.tar", where="config")
    with tarfile.open(tmp_path / "bundle.tar") as tar:
        tar.extractall(tmp_path / "there", filter="tar")
    there = load_config(tmp_path / "there" / "config.yaml")
    assert there.ray.address is None
    assert client_hash(there, where="there") == client_hash(config, where="here")
    here_plan, there_plan = make_plan(config, secret, where="here"), make_plan(there, secret, where="there")
    assert there_plan.run == here_plan.run
    assert [p.line for p in there_plan.episodes] == [p.line for p in here_plan.episodes]
    assert here_plan.hash != client_hash(config, where="here")


def test_a_regression_is_a_regression_on_the_cluster_too(config_file: Path, tmp_path: Path) -> None:
    request = Request(config_file, (), tmp_path, False, None, baseline="m/a b")
    line = _entrypoint("job-0", request, json=False)
    assert "tidegauge regress " in line and f"--runs {tmp_path} --baseline 'm/a b' >" in line


def test_only_an_http_address_makes_a_config_a_job(config_file: Path) -> None:
    assert job_address(config_file) is None
    assert job_address(config_file, ("ray.address=10.0.0.1:6379",)) is None
    assert job_address(config_file, ("ray.address=http://head:8265",)) == "http://head:8265"


@pytest.mark.parametrize("code", [0, 1, 4])
def test_a_job_ends_with_the_exit_code_of_its_run(code: int) -> None:
    assert _exit_code("j", SimpleNamespace(driver_exit_code=code, status="FAILED", message="")) == code


def test_a_job_that_ends_without_an_exit_code_has_a_named_cause() -> None:
    with pytest.raises(HostFault, match="job j failed: no room"):
        _exit_code("j", SimpleNamespace(driver_exit_code=None, status="FAILED", message="no room"))
    with pytest.raises(KeyboardInterrupt):
        _exit_code("j", SimpleNamespace(driver_exit_code=None, status="STOPPED", message=""))
    with pytest.raises(Mistake, match="the head of the cluster has no command tidegauge"):
        _exit_code("j", SimpleNamespace(driver_exit_code=127, status="FAILED", message=""))


@pytest.fixture
def job_shell(config_file: Path, tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Starts a job's shell as Ray does, with runs in a place; ``tidegauge`` there is a script."""

    def start(runs: Path, tidegauge: str) -> "subprocess.Popen[str]":
        there = tmp_path / "there"
        there.mkdir()
        write_bundle(load_config(config_file), there / "bundle.tar", where="config")
        command = there / "tidegauge"
        command.write_text(f"#!/bin/sh\n{tidegauge}\n")
        command.chmod(0o755)
        line = _entrypoint("job-0", Request(config_file, (), runs, False, None), json=True)
        environment = {"PATH": f"{there}:{os.environ['PATH']}", "RAY_ADDRESS": "head:6379"}
        return subprocess.Popen(
            line, shell=True, cwd=there, env=environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return start


def test_the_shell_of_a_job_marks_the_result_and_clears_up(job_shell: Any, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    said = f'test -f "$2" || exit 9; shift 2; echo "$*"; echo progress >&2; ls {runs}/.jobs >&2; exit 4'
    out, error = (shell := job_shell(runs, said)).communicate(timeout=100)
    assert (shell.returncode, out, error) == (
        4, f"result| --set ray.address=head:6379 --runs {runs} --json\n", "progress\njob-0\n",
    )  # fmt: skip
    assert list((runs / ".jobs").iterdir()) == []


def test_the_shell_of_a_job_that_cannot_write_its_files_says_so(job_shell: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    _, error = (shell := job_shell(tmp_path / "file", "echo started >&2")).communicate(timeout=100)
    assert shell.returncode == 1
    assert error.splitlines()[-1] == (
        f"tidegauge: {tmp_path}/file: the config's files cannot be written there; "
        "make it writable, or choose another place with --runs"
    )
    assert "started" not in error


def test_the_shell_of_a_job_that_is_told_to_stop_waits_for_it_and_clears_up(
    job_shell: Any, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    said = "trap 'sleep 0.2; echo stopped in order >&2; exit 130' TERM; echo on >&2; while :; do sleep 0.05; done"
    shell = job_shell(runs, said)
    assert shell.stderr.readline() == "on\n"
    os.killpg(shell.pid, signal.SIGTERM)
    _, error = shell.communicate(timeout=100)
    assert shell.returncode == 130
    assert error.splitlines()[-1] == "stopped in order"
    assert list((runs / ".jobs").iterdir()) == []


def test_a_host_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "episodes").mkdir()
    witness = tmp_path / "experiment.yaml"
    witness.write_text(json.dumps({"id": 1}))
    digest = sha256(witness.read_bytes())
    monkeypatch.delenv("THE_KEY", raising=False)
    assert _lacks(witness, digest, (), ()) is None
    other = _lacks(witness, sha256(b"another run"), (), ())
    assert other is not None and other.startswith(f"does not see the run directory {tmp_path}; ")
    assert _lacks(witness, digest, ("THE_KEY",), ()) == (
        "lacks the variable THE_KEY, which holds a model's key; set it before `ray start` there"
    )
    monkeypatch.setenv("THE_KEY", "k")
    assert _lacks(witness, digest, ("THE_KEY",), ()) is None
    file = _lacks(witness, digest, (), ("/nowhere/agent.yaml",))
    assert file is not None and file.startswith("does not see /nowhere/agent.yaml, which the config names; ")
