"""A periodic regression runs only what is new, compares with its baseline and exits as the gate does."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import run_command
from experiments.record.identity import Secret
from experiments.record.locking import locked
from experiments.record.records import EpisodeSpec
from experiments.running.regress import Comparison, regress
from experiments.running.running import Request, Result
from sandbox.errors import Mistake
from tasks.task import load_task

Regress = Callable[..., tuple[Result, Comparison | None]]


@pytest.fixture
def config(tmp_path: Path, secret: Secret) -> Path:
    """A config whose checkpoints are found: every file in ``ckpts``. There are two."""
    del secret
    (tmp_path / "ckpts").mkdir()
    for step in (0, 1):
        add_checkpoint(tmp_path, step)
    (tmp_path / "policy.yaml").write_text(policy("point", 0.3))
    model = {"family": "m", "provider": "scripted", "checkpoints": {"glob": "ckpts/*", "step": r"step-(\d+)"}}
    document = {
        "suite": "paper", "models": [model], "tasks": ["ml/tab@L0"], "repeats": 2,
        "policy": "./policy.yaml", "tracking": {"uri": "nothing://there"},
    }  # fmt: skip
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(document))
    return path


def add_checkpoint(directory: Path, step: int) -> None:
    shutil.copy(load_task("ml/tab").agents("L0")["mid"], directory / "ckpts" / f"step-{step}")


def policy(bound: str, threshold: float) -> str:
    rule = f"{{metric: delta/overall/strict, bound: {bound}, direction: above, threshold: {threshold}}}"
    return f"name: p\nlevels: [{{name: up, action: hold, rules: [{rule}]}}]\n"


@pytest.fixture
def regressed(config: Path, paper: Any, tmp_path: Path) -> Regress:
    """``regress`` of the config against its first checkpoint; the latest scores 0.5 more than it."""

    def score(spec: EpisodeSpec) -> float:
        return 0.5 if spec.plan.checkpoint.step == 0 else 1.0

    def run(
        *overrides: str, baseline: str = "m/step-0", said: list[str] | None = None, **request: Any
    ) -> tuple[Result, Comparison | None]:
        asked = Request(config, overrides, tmp_path / "runs", local=True, baseline=baseline, limit=None)
        lines = said if said is not None else []
        asked = Request(**{**{name: getattr(asked, name) for name in Request.__slots__}, **request})
        return regress(asked, lines.append, paper(score=score))

    return run


@pytest.mark.parametrize(
    ("text", "overrides", "outcome", "code"),
    [
        (policy("low", 1.9), (), "clear", 0),
        (policy("point", 0.3), (), "crossed", 2),
        (policy("low", 0.3), (), "inconclusive", 3),
        (policy("point", 0.3), ("models.1={family: h, provider: scripted, agent: ref}",), "invalid", 4),
    ],
)
def test_the_exit_code_is_the_gates(
    text: str, overrides: tuple[str, ...], outcome: str, code: int, regressed: Regress, config: Path
) -> None:
    config.with_name("policy.yaml").write_text(text)
    result, comparison = regressed(*overrides)
    assert (result.verdict.outcome, result.verdict.exit_code) == (outcome, code)
    assert comparison is not None
    overall = next(row for row in comparison.rows if (row.scope, row.scoring) == ("overall", "strict"))
    assert (overall.difference.mean, str(comparison.b.checkpoint)) == (0.5, "m/step-1")


def test_only_a_new_checkpoint_is_run_and_nothing_new_is_said(
    regressed: Regress, config: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    assert [regressed(said=said)[0].ran for _ in range(2)] == [4, 0]
    assert said[-2].endswith("4 episodes, nothing new to run")
    add_checkpoint(tmp_path, 7)
    result, comparison = regressed()
    assert (result.ran, str(comparison.b.checkpoint) if comparison else None) == (2, "m/step-7")
    # A checkpoint whose file was cleared away stays measured.
    (tmp_path / "ckpts" / "step-1").unlink()
    assert regressed()[0].ran == 0


def test_what_was_left_out_is_inconclusive_and_run_the_next_time(regressed: Regress) -> None:
    first, _ = regressed(limit=3)
    assert (first.ran, first.verdict.reasons[-1]) == (3, "episodes without a score: 1 pending")
    assert regressed()[0].ran == 1


def test_a_rule_on_a_difference_states_pair_by_pair_numbers(regressed: Regress) -> None:
    verdict = regressed()[0].verdict.as_json()
    (rule,) = verdict["rules"]
    assert (rule["checkpoint"], rule["value"], rule["n"], len(rule["episodes"])) == ("step-1", 0.5, 2, 2)
    # Of the first look's 0.025 half on each side, and two worlds that agree: 1 - 0.0125^(1/2) of the range.
    assert rule["low"] == pytest.approx(0.5 - 2.5 * (1 - 0.0125**0.5), abs=1e-6)
    assert (verdict["baseline"]["name"], verdict["baseline"]["asked"]) == ("step-0", "m/step-0")


def test_the_report_compares_the_latest_checkpoint_with_the_baseline_and_no_reference_agent(
    regressed: Regress, tmp_path: Path
) -> None:
    add_checkpoint(tmp_path, 2)
    harness = "models.1={family: harness, provider: scripted, agent: mid}"
    page = (regressed(harness, baseline="m/step-1")[0].view.directory / "report.html").read_text()
    headings = re.findall(r"<h3>(\S+) <span class=\"quiet\">against (\S+?),", page)
    assert headings == [("m/step-2", "m/step-1")]


def test_a_verdict_is_judged_again_against_the_same_baseline(
    regressed: Regress, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = str(regressed()[0].view.directory)
    arguments = ["--as", "Ann", "--decision", "hold", "--reason", "r", "--json"]
    capsys.readouterr()
    assert run_command(["approve", directory, *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["levels"][0]["standing"] == "held by Ann"
    assert run_command(["gate", str(Path(directory).parents[1] / "policy.yaml"), directory]) == 3
    assert "no baseline was named" in capsys.readouterr().out
    baseline = ["--baseline", "m/step-0"]
    assert run_command(["gate", str(Path(directory).parents[1] / "policy.yaml"), directory, *baseline]) == 2


def test_the_same_checkpoint_of_another_directory_is_a_baseline_and_its_broken_chain_counts(
    regressed: Regress, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = regressed(limit=4)[0].view.directory
    other = shutil.copytree(old, tmp_path / "kept" / old.name)
    baseline = f"{other}:m/step-0"
    assert regressed(baseline=baseline)[0].verdict.outcome == "crossed"
    shutil.rmtree(other.rename(tmp_path / "gone"))
    capsys.readouterr()
    assert run_command(["report", str(old)]) == 1
    assert f"the verdict's baseline {baseline} is gone; restore it" in capsys.readouterr().err
    shutil.copytree(old, other)
    ledger = other / "ledger.jsonl"
    ledger.write_text(ledger.read_text().replace('"strict":0.5', '"strict":0.1'))
    verdict = regressed(baseline=baseline)[0].verdict
    assert verdict.outcome == "invalid"
    assert verdict.reasons[0].startswith("a chain of the baseline's records is broken")


@pytest.mark.parametrize(
    ("baseline", "said"),
    [
        ("m/step-9", "paper-[0-9a-f]+ has no checkpoint m/step-9; it has: m/step-0, m/step-1"),
        ("step-0", "'step-0' is no checkpoint; write family/name or RUN:family/name; there are: m/step-0"),
        ("nowhere:m/step-0", "no run 'nowhere'"),
    ],
)
def test_a_baseline_that_is_not_there_is_a_mistake_before_anything_runs(
    baseline: str, said: str, regressed: Regress, tmp_path: Path
) -> None:
    with pytest.raises(Mistake, match=said):
        regressed(baseline=baseline)
    assert not (tmp_path / "runs").exists()


def test_another_driver_is_one_line_that_names_it(
    regressed: Regress, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = regressed()[0].view.directory
    capsys.readouterr()
    with locked(directory):
        runs = ["--runs", str(tmp_path / "runs"), "--local"]
        assert run_command(["regress", str(config), "--baseline", "m/step-0", *runs]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "another driver holds this run: process " in line and line.endswith("; wait for it, or end it")


def test_the_script_for_schedulers_passes_the_exit_code_on_and_says_how_it_ended(config: Path) -> None:
    script = Path(__file__).parents[3] / "docs" / "periodic" / "regress.sh"
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    done = subprocess.run(
        [script, config, "m/step-9", "--local"], env=environment, capture_output=True, text=True, check=False
    )
    first, last = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert "has no checkpoint m/step-9" in first
    assert last.endswith("against m/step-9: it could not run: the line above says why")


def test_a_policy_without_a_rule_on_the_baseline_says_that_the_comparison_decides_nothing(
    regressed: Regress,
) -> None:
    notes = regressed("policy=quickstart")[0].verdict.notes
    assert "no rule of the policy compares with m/step-0: the comparison decides nothing" in notes


def test_a_baseline_that_is_the_latest_checkpoint_compares_with_nothing(regressed: Regress) -> None:
    result, comparison = regressed(baseline="m/step-1")
    assert comparison is None
    (rule,) = result.verdict.rules
    assert (rule.outcome, rule.family) == ("inconclusive", None)


@pytest.mark.box
@pytest.mark.usefixtures("image")
def test_in_real_boxes_the_exit_code_is_the_gates_and_a_second_run_runs_nothing(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    # A task whose commands are quick: on a busy machine one that trains is cut off by the scaffold's own limit.
    for step, agent in enumerate(("null", "ref")):
        shutil.copy(load_task("replication/cloud").agents("L0")[agent], tmp_path / "ckpts" / f"step-{step}")
    harness = "models.1={family: harness, provider: scripted, agent: ref}"
    arguments = [
        "regress",
        str(config),
        "--baseline",
        "m/step-0",
        "--runs",
        str(tmp_path / "runs"),
        "--local",
    ]
    arguments += ["--set", "tasks=[replication/cloud@L0]", "--set", "repeats=1", "--set", harness, "--json"]

    def said() -> tuple[int, Any]:
        capsys.readouterr()
        code = run_command(arguments)
        return code, json.loads(capsys.readouterr().out)

    code, first = said()
    assert (code, first["reasons"][0][:40], first["ran"], first["episodes"]) == (
        2, "up: delta/overall/strict: value 1.000 (rule: ≥ 0.3)"[:40], 3, {"completed": 3},
    )  # fmt: skip
    code, second = said()
    assert (code, second["ran"], second["rules"]) == (2, 0, first["rules"])
    config.with_name("policy.yaml").write_text(policy("low", 1.99))
    code, third = said()
    assert (code, third["verdict"]) == (0, "clear"), third["reasons"]
    assert third["notes"][0].startswith("the policy changed: the run began under p ")
