"""Every way to end has its exit code; with --json standard output is one document."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import run_command
from experiments.commands.common import called
from experiments.record import resources
from tasks.task import select

HEAVY = (
    "numpy",
    "scipy",
    "sklearn",
    "pydantic",
    "yaml",
    "ray",
    "mlflow",
    "docker",
    "matplotlib",
    "jinja2",
    "asyncio.events",
)


@pytest.fixture
def run_name(run_paper: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A finished run; its runs directory is the default one of the working directory."""
    monkeypatch.chdir(tmp_path)
    name: str = run_paper().outcome.run
    return name


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = run_command([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys, experiments.cli as c\ncode = c.run_command(['--help'])\n"
        f"print([name for name in {HEAVY} if name in sys.modules], code, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-Ic", program], capture_output=True, text=True, check=True)
    assert done.stderr == "[] 0\n"
    assert "tidegauge" in done.stdout


def test_numpy_has_one_thread_in_every_process_of_ours() -> None:
    code = (
        "import experiments, numpy, os; numpy.ones((500, 500)) @ numpy.ones((500, 500))\n"
        "print(len(os.listdir('/proc/self/task')))"
    )
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run"], "tidegauge: Missing argument 'CONFIG'; see `tidegauge run --help`"),
        (["stauts", "x"], "tidegauge: No such command 'stauts'."),
        (["status", "x", "--nope"], "tidegauge: No such option '--nope'; see `tidegauge status --help`"),
        (["run", "no.yaml"], "tidegauge: no.yaml: cannot be read (No such file or directory); "
         "name a readable YAML file"),
        (["status", "x"], "tidegauge: runs: no run 'x'; there is none yet: tidegauge run CONFIG makes one"),
        (["tasks", "check", "ml/nope"], "tidegauge: tasks check: ID: no task matches 'ml/nope'; "
         "choices: judgement/hpo (L0 to L3), "),
    ],
)  # fmt: skip
def test_a_mistake_is_exit_1_and_one_line(
    arguments: list[str],
    line: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command(arguments) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert printed.err.startswith(line)


def test_a_fault_of_ours_is_exit_70_and_names_its_log(
    run_name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("experiments.verdict.gate.judge", broken)
    assert run_command(["gate", "preparedness", run_name]) == 70
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("tidegauge: fault: ZeroDivisionError: by zero; ")
    log = Path(line.rsplit(" ", 1)[1])
    assert "Traceback" in log.read_text()
    log.unlink()


def test_status_counts_what_is_there(run_name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = document(capsys, "status", run_name)
    assert (code, said["episodes"], said["pending"], said["driver"]) == (0, {"completed": 4}, 0, None)
    assert said["findings"] == {"cheat.scorer": 2}


def test_status_shows_the_most_that_was_obtained_beside_its_grant(
    run_name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    directories = sorted((tmp_path / "runs" / run_name / "episodes").glob("*/*"))
    for directory, running in zip(directories, (3, 0, 7, 0), strict=True):
        row = {"resource": "instances", "unit": "at a time", "granted": 6, "obtained": running}
        account = {"rows": [{**row, "course": [], "items": []}], "lineage": [], "lineage_more": 0}
        resources.write(directory, account)
    _, said = document(capsys, "status", run_name, "--resources")
    (row,) = said["resources"]
    assert row == {
        "resource": "instances", "unit": "at a time", "granted": 6.0, "obtained": 7.0, "attempts": 2,
    }  # fmt: skip
    assert run_command(["status", run_name, "--resources"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["instances", "6", "7", "2", "at", "a", "time"]
    # No events of these attempts tell of instances, and whatever run a test leaves is held against its events.
    for directory in directories:
        (directory / resources.FILE).unlink()


def test_gate_exits_by_its_verdict(run_name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    policy = tmp_path / "p.yaml"
    rule = "{metric: cap/ml/L0/strict, bound: point, direction: above, threshold: THRESHOLD}"
    text = f"name: p\nlevels: [{{name: one, action: hold, rules: [{rule}]}}]\n"
    for threshold, code, verdict in (("0.4", 2, "crossed"), ("0.6", 3, "inconclusive"), ("1.9", 0, "clear")):
        policy.write_text(text.replace("THRESHOLD", threshold))
        assert document(capsys, "gate", str(policy), run_name)[1]["verdict"] == verdict
        assert run_command(["gate", str(policy), run_name]) == code
    ledger = tmp_path / "runs" / run_name / "ledger.jsonl"
    ledger.write_text(ledger.read_text().replace('"wall":60', '"wall":61'))
    assert document(capsys, "gate", str(policy), run_name)[0] == 4


def test_trend_lists_the_series_of_a_suite(run_name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = document(capsys, "trend", "paper")
    series = next(s for s in said["series"] if s["metric"] == "cap/ml/L0/strict")
    assert (code, series["family"], [p["value"] for p in series["points"]]) == (0, "script", [0.5, 0.5])
    assert run_command(["trend", "paper", "--family", "scrip"]) == 1
    expected = "tidegauge: --family: suite 'paper' has no model family 'scrip'; did you mean 'script'? choices: script\n"
    assert capsys.readouterr().err == expected


def test_verify_tells_lines_with_one_problem_together_and_why_a_run_cannot_be_read(
    run_name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ledger = tmp_path / "runs" / run_name / "ledger.jsonl"
    ledger.write_text(ledger.read_text().replace('"wall":60', '"wall":61'))
    assert run_command(["verify", run_name]) == 2
    assert capsys.readouterr().out == "anchored\nledger.jsonl:1-4: is not what was anchored\n"
    ledger.with_name("experiment.yaml").write_text("a: [")
    assert run_command(["verify", run_name]) == 2
    assert "\nexperiment.yaml: cannot be read: while parsing a flow node" in capsys.readouterr().out


def test_verify_and_rescan_exit_2_on_an_edit(
    run_name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert document(capsys, "verify", run_name) == (0, {"ok": True, "anchored": True, "problems": []})
    assert document(capsys, "rescan", run_name) == (0, {"ok": True, "problems": []})
    log = sorted((tmp_path / "runs" / run_name).glob("episodes/*/0/events.jsonl"))[0]
    log.write_text(log.read_text().replace("paper", "wafer", 1))
    for command in ("verify", "rescan"):
        code, said = document(capsys, command, run_name)
        assert (code, said["ok"], said["problems"][0]["reason"]) == (2, False, "hash does not match the line")


def test_verify_says_unanchored_in_its_first_line(
    run_name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TIDEGAUGE_SECRET_FILE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    assert run_command(["verify", run_name]) == 0
    assert capsys.readouterr().out.startswith("unanchored")


def test_report_writes_one_page_or_markdown(
    run_name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, said = document(capsys, "report", run_name)
    assert (code, said["path"]) == (0, f"runs/{run_name}/report.html")
    assert run_command(["report", run_name, "--format", "md"]) == 0
    assert "inconclusive" in capsys.readouterr().out


def test_a_tracking_store_that_refuses_is_a_mistake(
    run_name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run_command(["sync", run_name]) == 1
    assert capsys.readouterr().err.startswith("tidegauge: MLflow: tracking.uri: ")


def test_a_port_that_is_taken_is_named_before_the_ui_is_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mlflow.db").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run_command(["ui", "--runs", str(tmp_path), "--port", str(port)]) == 1
    said = f"tidegauge: ui: --port: {port}: Address already in use; name another port\n"
    assert capsys.readouterr() == ("", said)


def test_tasks_list_names_the_suite(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = document(capsys, "tasks", "list")
    entries = [(entry.task.id, entry.level) for entry in select(["*"])]
    assert (code, [(task["id"], task["level"]) for task in said["tasks"]]) == (0, entries)
    assert {("ml/tab", "L3"), ("research/debug", "L0"), ("selfmod/archive", "L4")} <= set(entries)


@pytest.mark.parametrize(
    ("started", "path", "shown"),
    [("bin/tidegauge", "bin", "tidegauge"), ("bin/tidegauge", "", "bin/tidegauge"),
     ("bin/tidegauge", "other", "bin/tidegauge"), ("a b/tidegauge", "", "'a b/tidegauge'"),
     ("lib/pytest/__main__.py", "", "tidegauge")],
)  # fmt: skip
def test_a_command_that_is_shown_can_be_typed_here(
    started: str, path: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("bin", "other", "a b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "tidegauge").touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", path)
    monkeypatch.setattr("sys.argv", [started])
    assert called() == shown
