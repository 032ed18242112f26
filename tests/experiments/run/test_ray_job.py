"""What a Ray job needs of a config, and what its end means."""

import json
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from experiments.bundle import write_bundle
from experiments.identity import Secret
from experiments.loading import job_address, load_config
from experiments.plan import client_hash, make_plan
from experiments.ray_job import _exit_code
from experiments.ray_runner import _lacks
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
    config = load_config(config_file, ("scaffold=./mine", "limits={wall: 30s}", "ray.address=http://head:1"))
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
