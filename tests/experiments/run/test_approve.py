"""Decisions are signed, belong to one verdict, and are shown with it; so is the policy a run began under."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import run_command

RULE = "{metric: cap/ml/L0/strict, bound: point, direction: above, threshold: 0.4}"
POLICY = f"name: two\nlevels: [{{name: high, action: hold, approvals: 2, rules: [{RULE}]}}]\n"

Say = Callable[..., tuple[int, Any]]


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "two.yaml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def run(run_paper: Any, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A crossed run whose policy asks for two approvals."""
    monkeypatch.chdir(tmp_path)
    directory: Path = run_paper(None, f"policy={policy}").view.directory
    return directory


@pytest.fixture
def say(run: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """A command on the run: exit code and JSON document."""

    def said(command: str, *arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = run_command([command, *arguments, "--json"])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return said


def decide(say: Say, run: Path, name: str, decision: str = "promote") -> tuple[int, Any]:
    return say("approve", str(run), "--as", name, "--decision", decision, "--reason", "read it")


def standings(document: Any) -> list[str]:
    return [level["standing"] for level in document["levels"]]


def test_two_different_names_lift_a_level_and_the_verdict_stays_crossed(run: Path, say: Say) -> None:
    code, first = decide(say, run, "Ann")
    assert (code, standings(first)) == (0, ["needs 1 more approval; approved by Ann"])
    assert standings(decide(say, run, "  ANN ")[1]) == ["needs 1 more approval; approved by ANN"]
    code, last = decide(say, run, "Bo")
    assert (code, last["verdict"], standings(last)) == (0, "crossed", ["approved by ANN, Bo"])
    assert say("verify", str(run)) == (0, {"ok": True, "anchored": True, "problems": []})
    stored = json.loads((run / "verdict.json").read_text())
    assert [(d["as"], d["decision"], d["reason"]) for d in stored["decisions"]] == [
        ("Ann", "promote", "read it"), ("ANN", "promote", "read it"), ("Bo", "promote", "read it"),
    ]  # fmt: skip
    assert "approved by ANN, Bo" in (run / "report.html").read_text()


def test_one_halt_or_hold_outweighs_every_approval_until_its_author_promotes(run: Path, say: Say) -> None:
    for name in ("Ann", "Bo"):
        decide(say, run, name)
    assert standings(decide(say, run, "Cy", "hold")[1]) == ["held by Cy"]
    assert standings(decide(say, run, "Cy", "halt")[1]) == ["halted by Cy"]
    assert standings(decide(say, run, "Cy")[1]) == ["approved by Ann, Bo, Cy"]


def test_new_results_ask_for_new_decisions(run: Path, say: Say, run_paper: Any, policy: Path) -> None:
    decide(say, run, "Ann")
    verdict = run_paper(None, f"policy={policy}", "repeats=3").verdict
    assert [str(level.standing) for level in verdict.levels] == ["needs 2 more approvals"]
    assert verdict.notes == ("1 decision on other evidence or by another policy: not counted here",)


def test_a_policy_that_changed_after_the_run_is_told_and_takes_no_old_approval(
    run: Path, say: Say, policy: Path
) -> None:
    decide(say, run, "Ann")
    before = say("gate", str(policy), str(run))[1]["policy"]
    assert (before["recorded_after"], before["at_start"]["digest"]) == (0, before["digest"])
    policy.write_text(POLICY.replace("0.4", "0.3"))
    code, after = say("gate", str(policy), str(run))
    assert (code, after["policy"]["recorded_after"], after["policy"]["at_start"]) == (
        2, None, before["at_start"],
    )  # fmt: skip
    assert after["notes"] == [
        f"the policy is not one that the run was under: it began under two {before['digest'][:12]}",
        "1 decision on other evidence or by another policy: not counted here",
    ]


def test_a_run_is_reported_and_decided_on_by_the_policy_that_it_recorded(
    run: Path, say: Say, policy: Path
) -> None:
    policy.unlink()
    assert say("report", str(run))[0] == 0
    code, document = decide(say, run, "Ann")
    assert (code, standings(document)) == (0, ["needs 1 more approval; approved by Ann"])


def test_a_policy_that_changed_between_two_invocations_is_told(
    run: Path, run_paper: Any, policy: Path
) -> None:
    policy.write_text(POLICY.replace("0.4", "0.3"))
    notes = run_paper(None, f"policy={policy}").verdict.notes
    assert notes[0].startswith("the policy changed: the run began under two ")
    assert notes[1] == "the policy was set after 4 attempts had ended"


def test_a_forged_decision_breaks_the_chain(run: Path, say: Say) -> None:
    decide(say, run, "Ann")
    anchors = run / "anchors.jsonl"
    anchors.write_text(anchors.read_text().replace('\\"as\\":\\"Ann\\"', '\\"as\\":\\"Bob\\"'))
    assert say("gate", "quickstart", str(run))[1]["verdict"] == "invalid"
    code, _ = decide(say, run, "Cy")
    assert code == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--as", " ", "--reason", "r"), "tidegauge: --as: is empty; say who decides, and why"),
        (
            ("--as", "A\u202eB", "--reason", "r"),
            "tidegauge: --as: cannot be shown; write at most 64 printable",
        ),
        (("--as", "A", "--reason", "\n"), "tidegauge: --reason: is empty; say who decides, and why"),
    ],
)
def test_a_decision_that_cannot_be_shown_is_a_mistake_and_leaves_nothing(
    arguments: tuple[str, ...], line: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / "anchors.jsonl").read_bytes()
    capsys.readouterr()
    assert run_command(["approve", str(run), "--decision", "hold", *arguments]) == 1
    assert capsys.readouterr().err.startswith(line)
    assert (run / "anchors.jsonl").read_bytes() == before


def test_without_the_secret_of_the_run_nobody_decides(
    run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TIDEGAUGE_SECRET_FILE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    assert run_command(["approve", str(run), "--as", "A", "--decision", "hold", "--reason", "r"]) == 1
    assert "the secret here is not this run's; decide where the run was driven" in capsys.readouterr().err


FOUND = "{metric: find/cheat.scorer/rate, bound: point, direction: above, threshold: 0.000001}"
APART = f"name: apart\nlevels: [{{name: stop, action: quarantine, rules: [{FOUND}]}}]\n"


def test_a_finding_that_the_rescan_confirms_quarantines_its_checkpoint(
    run: Path, say: Say, policy: Path
) -> None:
    policy.write_text(APART)
    document = say("gate", str(policy), str(run))[1]
    found = {one["checkpoint"]: one["confirmed"] for one in document["quarantine"]}
    assert found == {"script/early": True, "script/late": True}
    episode = document["quarantine"][0]["episode"]
    assert (
        f"script/early is quarantined: the rescan of episode {episode[:12]} confirms it" in document["notes"]
    )
