"""Every mistake is one line with file, key and remedy, exit 1, and leaves nothing half-written."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import run_command
from experiments.planning.policy import shipped
from experiments.record import durable
from experiments.record.locking import locked
from sandbox.errors import StorageFault

Run = Callable[..., str]


@pytest.fixture
def refused(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """``tidegauge run config.yaml`` with more arguments: its one line; nothing may be left of it."""
    monkeypatch.chdir(tmp_path)

    def run_it(*arguments: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        capsys.readouterr()
        code = run_command(["run", "config.yaml", *arguments])
        printed = capsys.readouterr()
        assert (code, printed.out, printed.err.count("\n")) == (1, "", 1), printed.err
        assert sorted(tmp_path.rglob("*")) == before
        return printed.err.removeprefix("tidegauge: ").strip().replace(str(tmp_path), "DIR")

    return run_it


TASKS = "ml/tab@L0, selfmod/scaffold@L0"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("repeets=2", "config.yaml: repeets: unknown key; did you mean 'repeats'? choices: arms, harbor, limits, models, "
         "policy, profile, ray, repeats, retries, sandbox, scaffold, seed, suite, tasks, tracking, version"),
        ("repeats=two", "config.yaml: repeats: is not a whole number; it says 'two'"),
        ("tasks=[ml/tob@L0]", "config.yaml: tasks: no task matches 'ml/tob@L0'; did you mean ml/tab (L0 to L3)? "
         "choices: TASKS"),
        ("models.0.provider=openia", "config.yaml: models.0.provider: 'openia' is unknown; did you mean 'openai'? "
         "choices: anthropic, openai, pocket, replay, scripted"),
        ("arms=[plain, nudged]", "config.yaml: arms.1: ml/tab has no arm 'nudged'; it has: plain"),
        ("policy=quick", "config.yaml: policy: no such policy 'quick'; name a readable file or a shipped "
         "policy; did you mean 'quickstart'? choices: POLICIES"),
        ("policy=policies/mine.yaml", "config.yaml: policy: no such policy 'DIR/policies/mine.yaml'; "
         "name a readable file or a shipped policy; choices: POLICIES"),
        ("limits={wall: 10s, cpu_time: 20s}", "config.yaml: limits.cpu_time: cpu_time 20 s can never be used within "
         "wall 10 s × 1 cpus; lower cpu_time, or raise wall or cpus"),
        ("limits={disk: 1GiB, memory: 512MiB}", "config.yaml: limits.disk: disk 1073741824 B is not below memory "
         "536870912 B, and the box's disks are charged to its memory; lower disk or raise memory"),
        ("limits={memory: 32MiB}", "config.yaml: limits (with those of ml/tab).disk: disk 67108864 B is not below "
         "memory 33554432 B, and the box's disks are charged to its memory; lower disk or raise memory"),
        ("models.0.script=agents/none.yaml", "config.yaml: models.0.checkpoints.1.script: there is no file "
         "DIR/agents/none.yaml; paths start from the config's directory"),
        ("scaffold=./mine", "config.yaml: scaffold: 'DIR/mine' is no scaffold; "
         "name a directory or one of: fewshot, minimal"),
        ("sandbox.require_sensors=[cgruop]", "config.yaml: sandbox.require_sensors.0: no sensor 'cgruop'; "
         "did you mean 'cgroup'? choices: callers, cgroup, dns, files, kernel, notify, runner, scaffold"),
        ("tracking.uri=postgresql://me:hunter2@db/mlflow", "config.yaml: tracking.uri: holds a password, which runs "
         "would store; leave it out: MLFLOW_TRACKING_PASSWORD or the database's own password file holds it"),
        ("tracking.uri=mysql://db/mlflow?password=hunter2", "config.yaml: tracking.uri: holds a password, which runs "
         "would store; leave it out: MLFLOW_TRACKING_PASSWORD or the database's own password file holds it"),
        ("models.0.checkpoints.1.name=early", "config.yaml: models.0.checkpoints.1.name: script/early stands twice; "
         "give each checkpoint its own name"),
        ("models.0.checkpoints.1.step=0", "config.yaml: models.0.checkpoints.1.step: step 0 of script stands twice; "
         "give each checkpoint its own step"),
        ("models=[{family: p, provider: pocket, checkpoints: [7]}]", "config.yaml: models.0.checkpoints.0.step: "
         "pocket has no step 7; choose from STEPS"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_config_names_file_key_and_remedy(refused: Run, change: str, line: str) -> None:
    from sandbox.models import pocket
    from tasks.task import all_tasks

    tasks = ", ".join(
        f"{task.id} ({' to '.join(task.levels[:: max(1, len(task.levels) - 1)])})" for task in all_tasks()
    )
    policies = ", ".join(shipped())
    line = line.replace("TASKS", tasks).replace("STEPS", ", ".join(map(str, pocket.checkpoints())))
    line = line.replace("POLICIES", policies)
    assert refused("--set", change) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("suite: [mine\n", "config.yaml:2: expected ',' or ']', but got '<stream end>'; "
         "correct the YAML at that line"),
        ("suite: mine\nsuite: yours\n", "config.yaml:2: the key 'suite' stands twice; correct the YAML at that line"),
        ("", "config.yaml: is not a mapping; start with suite, models and tasks"),
        ("suite: mine\n", "config.yaml: models: is missing; add it"),
        ("suite: mine\nmodels: [{family: a, provider: scripted}]\ntasks: [ml/tab]\n",
         "config.yaml: models.0.checkpoints.0.script: is missing; name the scripted agent's file"),
    ],
)  # fmt: skip
def test_a_config_that_does_not_read_names_its_line(
    refused: Run, config_file: Path, text: str, line: str
) -> None:
    config_file.write_text(text)
    assert refused() == line


def test_a_script_that_is_none_names_its_own_file(refused: Run, tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text("turns: [{say: hello}]\n")
    assert refused("--set", "models.0.script=agent.yaml") == (
        "DIR/agent.yaml: turns.0: not a turn; write a text, or find (names to regexes), say and perhaps otherwise, or first: [turn, ...]"
    )


def test_an_engine_that_does_not_answer_leaves_nothing(refused: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    for more in ([], ["--local"]):
        assert refused(*more) == (
            "container engine: does not answer at unix:///nonexistent: No such file or directory; "
            "start it, or set DOCKER_HOST to one that runs; `tidegauge doctor` says more"
        )


def test_a_ray_cluster_that_does_not_answer_leaves_nothing(refused: Run, free_port: int) -> None:
    assert refused("--set", f"ray.address=127.0.0.1:{free_port}") == (
        f"config.yaml: ray.address: no cluster answers at 127.0.0.1:{free_port} (Connection refused); "
        "start one with `ray start --head`, or write null"
    )


def test_a_run_directory_of_another_format_is_left_alone(refused: Run, run_paper: Any) -> None:
    experiment = run_paper(limit=0).view.directory / "experiment.yaml"
    experiment.write_text(experiment.read_text().replace("format: 1", "format: 2"))
    (experiment.parent / "lock").unlink()
    name = experiment.parent.name
    assert refused() == (
        f"runs/{name}/experiment.yaml: format: format 2 is not known; this version reads format 1"
    )
    assert not (experiment.parent / "lock").exists()


@pytest.mark.box
def test_a_lock_that_another_driver_holds_is_named(refused: Run, run_paper: Any, image: str) -> None:
    directory = run_paper(limit=0).view.directory
    with locked(directory):
        line = refused()
    assert line.startswith(f"runs/{directory.name}: another driver holds this run: process {os.getpid()} on ")
    assert line.endswith("; wait for it, or end it")


def test_a_disk_without_room_is_refused_before_anything_is_made(refused: Run, small_disk: Path) -> None:
    assert refused("--runs", str(small_disk)) == (
        "DIR/small: 1 MiB are free on its disk, a run needs 64 MiB or more; "
        "free some, or choose another disk with --runs"
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], check=False, capture_output=True
    ).returncode:
        pytest.skip("no file system can be mounted here: needs root")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_disk_that_fills_up_while_the_run_is_made_leaves_no_part_of_it(
    config_file: Path, small_disk: Path, tmp_path: Path
) -> None:
    from experiments.running.running import Request, run

    with (small_disk / "full").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    with pytest.raises(Exception, match="No space left on device; choose a directory that you may write"):
        run(Request(config_file, (), small_disk, local=True, limit=0), print)
    assert [path.name for path in small_disk.iterdir()] == ["full"]
    assert list((tmp_path / "keys").rglob("*.json")) == []


def test_a_disk_that_fills_up_later_is_one_line_and_the_run_goes_on_once_there_is_room(
    config_file: Path, tmp_path: Path
) -> None:
    program = (
        "import resource, signal, sys\n"
        "from experiments.cli import run_command\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))\n"
        "sys.exit(run_command(['run', 'config.yaml', '--limit', '0', '--set', 'repeats=8']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "File too large; free some room or make it writable; the same command goes on where it stopped"
    )
    assert "Traceback" not in done.stderr


def test_a_storage_fault_says_where_and_why(tmp_path: Path) -> None:
    with pytest.raises(StorageFault, match=r"/none/x: No such file or directory"):
        durable.append(tmp_path / "none" / "x", b"")


def test_an_old_run_that_cannot_be_read_does_not_hide_the_others(
    run_paper: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = run_paper().view.directory.name
    (tmp_path / "runs" / "older-abc").mkdir()
    (tmp_path / "runs" / "older-abc" / "experiment.yaml").write_text("format: 0\n")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert run_command(["trend", "paper", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["series"]
    assert run_command(["status", "nope"]) == 1
    assert capsys.readouterr().err == f"tidegauge: runs: no run 'nope'; there are: older-abc, {name}\n"
