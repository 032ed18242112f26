"""status, doctor, compare and completion as they are typed; every command's help shows how."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from experiments.cli import cli, run_command
from experiments.reading.verify import verify
from experiments.record import rundir
from experiments.record.identity import Secret
from experiments.record.locking import locked


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = run_command([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_shows_an_example_that_parses(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command([*path, "--help"]) == 0
    section = re.search(r"\n  Example:\n((?:    .*\n)+)", capsys.readouterr().out)
    assert section is not None
    for example in re.findall(r"tidegauge [^\n)]*", section[1]):
        command: click.Command = cli
        context, words = click.Context(cli), shlex.split(example)[1:]
        while isinstance(command, click.Group):
            found = command.get_command(context, words[0])
            assert found is not None
            command, words = found, words[1:]
        command.make_context("example", words)


def test_status_tells_of_a_driver_at_work(
    run_paper: Any, paper: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    seen = []

    def behaviour(spec: Any) -> str:
        log = rundir.attempt_dir(Path(spec.run_dir), "ab" * 32, 0) / "events.jsonl"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        seen.append(document(capsys, "status", Path(spec.run_dir).name))
        return "completed"

    name = run_paper(paper(behaviour, slots=1)).outcome.run
    code, last = seen[-1]
    assert (code, last["episodes"], last["pending"], last["running"]) == (0, {"completed": 3}, 1, 1)
    assert last["driver"].startswith(f"process {os.getpid()} on ")
    assert last["findings"] == {"cheat.scorer": 1}
    code, after = document(capsys, "status", name)
    assert (code, after["driver"], after["running"], after["pending"]) == (0, None, 0, 0)


def test_limit_runs_so_many_in_plan_order_and_the_next_run_goes_on(run_paper: Any, paper: Any) -> None:
    first, second = paper(), paper()
    assert run_paper(first, limit=3).outcome.pending == 1
    assert run_paper(second, "repeats=3", limit=1).outcome.pending == 2
    places = [(spec.plan.world, spec.plan.checkpoint.name) for spec in [*first.seen, *second.seen]]
    assert places == [(0, "early"), (0, "late"), (1, "early"), (1, "late")]


def test_verify_and_rescan_do_not_cry_wolf_while_a_driver_writes(
    run_paper: Any, paper: Any, secret: Secret, tmp_path: Path
) -> None:
    problems: list[Any] = []
    finished = threading.Event()

    def look() -> None:
        while not finished.is_set():
            for directory in rundir.list_runs(tmp_path / "runs"):
                problems.extend(verify(directory, secret).problems)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        assert run_paper(paper(slots=4), "repeats=40").outcome.complete
    finally:
        finished.set()
        looker.join()
    assert problems == []


def test_what_a_driver_has_anchored_and_not_yet_written_is_missing_only_once_it_is_gone(
    run_paper: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    directory = run_paper().view.directory
    ledger = directory / "ledger.jsonl"
    whole = ledger.read_bytes()
    ledger.write_bytes(whole[:-20])
    (directory / "verdict.json").unlink()
    with locked(directory):
        assert document(capsys, "verify", directory.name) == (
            0,
            {"ok": True, "anchored": True, "problems": []},
        )
        (directory / "findings.jsonl").write_text("not yet\n")
        assert document(capsys, "rescan", directory.name)[0] == 0
        (directory / "findings.jsonl").write_text("")
        ledger.write_bytes(whole.replace(b'"wall":60', b'"wall":61', 1))
        assert document(capsys, "verify", directory.name)[1]["problems"] == [
            {"file": "ledger.jsonl", "line": 1, "reason": "is not what was anchored"}
        ]
    ledger.write_bytes(whole[:-20])
    assert [problem["file"] for problem in document(capsys, "verify", directory.name)[1]["problems"]] == [
        "ledger.jsonl", "ledger.jsonl", "verdict.json",
    ]  # fmt: skip


def test_doctor_names_what_is_missing_with_its_remedy(
    secret: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    monkeypatch.setenv("PATH", "/nonexistent")
    code, said = document(capsys, "doctor", "--runs", str(tmp_path / "runs"))
    checks = {check["name"]: check for check in said["checks"]}
    assert (code, said["ok"]) == (2, False)
    assert checks["engine"] == {
        "name": "engine", "ok": False, "detail": "unix:///nonexistent: No such file or directory",
        "remedy": "start Docker, or set DOCKER_HOST; in a checkout `make engine` sets it up",
    }  # fmt: skip
    there = {name for name, check in checks.items() if check["ok"]}
    assert {"ray", "mlflow", "secret", "disk", "runs"} <= there
    assert all(check["remedy"] for check in checks.values() if not check["ok"])
    assert run_command(["doctor", "--runs", str(tmp_path / "runs")]) == 2
    assert (
        "\nmissing  image     unix:///nonexistent: No such file or directory; run " in capsys.readouterr().out
    )


def test_doctor_looks_at_what_a_config_needs(config_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as server, socket.socket() as closed:
        server.bind(("127.0.0.1", 0))
        server.listen()
        closed.bind(("127.0.0.1", 0))
        there, gone = server.getsockname()[1], closed.getsockname()[1]
        written = json.loads(config_file.read_text())
        written["models"][0] |= {"base_url": f"http://127.0.0.1:{gone}/v1", "api_key_env": "NO_SUCH_KEY"}
        written["tracking"] = {"uri": f"http://127.0.0.1:{there}"}
        config_file.write_text(json.dumps(written))
        _, said = document(capsys, "doctor", "--config", str(config_file))
    found = [(c["name"], c["ok"], c["detail"], c["remedy"]) for c in said["checks"]][-4:]
    assert found == [
        ("config", True, str(config_file), ""),
        ("model", False, f"nothing answers at 127.0.0.1:{gone} (Connection refused)",
         "start the server, or correct base_url"),
        ("key", False, "NO_SUCH_KEY is not set", "export NO_SUCH_KEY"),
        ("mlflow", True, f"127.0.0.1:{there} takes connections", ""),
    ]  # fmt: skip


def test_doctor_says_what_is_wrong_with_a_config(
    config_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config_file.write_text("suite: x\n")
    code, said = document(capsys, "doctor", "--config", str(config_file))
    last = said["checks"][-1]
    assert (code, last["detail"], last["remedy"]) == (2, f"{config_file}: models: is missing", "add it")


def test_compare_is_one_document_with_both_sides(
    run_paper: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    name = run_paper().outcome.run
    code, said = document(capsys, "compare", name, "--a", f"{name}:script/early")
    assert (code, said["a"], said["b"]["name"]) == (
        0, {"run": name, "family": "script", "name": "early", "step": 0}, "late",
    )  # fmt: skip
    assert said["comparisons"][0] == {
        "scope": "ml/L0", "scoring": "strict", "a": 0.5, "b": 0.5, "difference": 0.0, "se": None,
        "low": pytest.approx(-2 * (1 - 0.025**0.5)), "high": pytest.approx(2 * (1 - 0.025**0.5)), "n": 2, "worlds": 2, "left_out": 0, "p": 1.0, "p_holm": 1.0, "p_bh": 1.0, "test": "sign-flip",
        "cause": None, "detectable": None,
        "needed": {"difference": 0.1, "worlds": None},
        "cheats": {"gained": 0, "lost": 0, "n": 2, "p": 1.0},
        "always_valid": {"low": None, "high": None, "cause": "no always-valid interval from 2 values; it needs 30"},
    }  # fmt: skip
    other = run_paper(None, "seed=8", limit=0).outcome.run
    assert run_command(["compare", name, "--a", f"{other}:script/early"]) == 1
    assert "has another hash than" in capsys.readouterr().err


def completed(line: str, cwd: Path) -> list[str]:
    """What bash is offered for the last word of ``line``."""
    words = line.split(" ")
    environment = {
        **os.environ, "_TIDEGAUGE_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)
    }  # fmt: skip
    program = "from experiments.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=cwd, env=environment, capture_output=True, text=True, check=True
    )
    return [item.split(",", 1)[1] for item in done.stdout.split()]


def test_a_shell_completes_runs_checkpoints_policies_suites_and_tasks(run_paper: Any, tmp_path: Path) -> None:
    name = run_paper(limit=0).outcome.run
    assert completed("tidegauge st", tmp_path) == ["status"]
    assert completed("tidegauge status p", tmp_path) == [name]
    assert completed("tidegauge trend ", tmp_path) == ["paper"]
    assert completed("tidegauge gate q", tmp_path) == ["quickstart"]
    assert completed(f"tidegauge compare {name} --a script/", tmp_path) == ["script/early", "script/late"]
    assert completed("tidegauge tasks check ml/t", tmp_path) == ["ml/tab"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_for_its_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = document(capsys, "completion", shell)
    assert (code, said["shell"]) == (0, shell)
    assert f"_TIDEGAUGE_COMPLETE={shell}_complete" in said["script"]
