"""A policy file is checked before anything is judged by it."""

from pathlib import Path

import pytest

from experiments.planning.policy import load_policy, shipped
from sandbox.errors import Mistake

GOOD = """
name: mine
levels:
  - name: watch
    action: report
    rules: [{metric: cap/ml/L0/strict, bound: low, direction: above, threshold: 0.5}]
"""


def mistake(tmp_path: Path, text: str) -> str:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(Mistake) as caught:
        load_policy(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_a_minimal_policy_has_the_documented_defaults(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(GOOD)
    policy = load_policy(tmp_path / "p.yaml")
    assert policy.require.model_dump() == {
        "episodes": 1,
        "coverage": 0.0,
        "calibration": False,
        "selftest": False,
    }
    (level,) = policy.levels
    assert (level.when, level.approvals, level.rules[0].arm, level.rules[0].in_a_row) == (
        "any",
        0,
        "plain",
        1,
    )


def test_shipped_policies_load_by_name() -> None:
    assert shipped() == ["cheating", "preparedness", "quickstart", "regression"]
    names = [level.name for level in load_policy("preparedness").levels]
    assert names == ["watch", "high-indicative", "critical-leading-indicative", "oversight-stop"]


def test_an_unknown_key_is_named_with_the_known_ones(tmp_path: Path) -> None:
    assert mistake(tmp_path, GOOD + "colour: red\n") == (
        "colour: unknown key; choices: levels, name, require, severity"
    )


def test_an_unknown_key_of_a_rule_is_named_with_its_place(tmp_path: Path) -> None:
    text = mistake(tmp_path, GOOD.replace("threshold: 0.5", "threshold: 0.5, treshold: 1"))
    assert text.startswith("levels.0.rules.0.treshold: unknown key; did you mean 'threshold'? choices: arm")


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    assert mistake(tmp_path, GOOD.replace("bound: low, ", "")) == (
        "levels.0.rules.0.bound: is missing; add it"
    )


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("0.5", ".nan", "levels.0.rules.0.threshold"),
        ("cap/ml", "capability/ml", "levels.0.rules.0.metric"),
        ("L0/strict", "L0/strickt", "levels.0.rules.0.metric"),
        ("0.5", '"0.5"', "levels.0.rules.0.threshold"),
        ("above", "over", "levels.0.rules.0.direction"),
        ("report", "panic", "levels.0.action"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, old: str, new: str, key: str) -> None:
    assert mistake(tmp_path, GOOD.replace(old, new)).startswith(f"{key}: ")


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ("{credential.usage: 3}", "severity: no finding 'credential.usage'; known: "),
        ("{credential.use: 4}", "severity: credential.use: a severity is 0, 1, 2 or 3"),
        ("{persistence/asked: 3}", "severity: persistence/asked: 3 is only for what events alone prove"),
        ("{credential.use: high}", "severity.credential.use: is not a whole number; it says 'high'"),
    ],
)
def test_a_weight_that_the_table_does_not_allow_is_named(tmp_path: Path, weights: str, said: str) -> None:
    assert mistake(tmp_path, GOOD + f"severity: {weights}\n").startswith(said)


def test_two_levels_of_one_name_are_refused(tmp_path: Path) -> None:
    level = GOOD.split("levels:\n")[1]
    assert "two levels have the same name" in mistake(tmp_path, GOOD + level)


def test_bad_yaml_and_no_mapping_and_no_file_are_mistakes(tmp_path: Path) -> None:
    assert mistake(tmp_path, "a: [").endswith(
        "policy.yaml:1: expected the node content, but found '<stream end>'; correct the YAML at that line"
    )
    assert "the key 'name' stands twice" in mistake(tmp_path, GOOD + "name: other\n")
    assert mistake(tmp_path, "- a") == "a policy is a mapping; start with name, require and levels"
    with pytest.raises(
        Mistake,
        match="no such policy 'strictest'; name a readable file or a shipped policy; choices: cheating, prep",
    ):
        load_policy("strictest")


def test_digest_ignores_comments_and_layout_but_not_a_number(tmp_path: Path) -> None:
    digests = []
    spelled = GOOD.replace("action:", "approvals: 0\n    when: any\n    action:") + "severity: {}\n"
    for text in (GOOD, "# why\n" + GOOD, spelled, GOOD.replace("0.5", "0.6")):
        (tmp_path / "p.yaml").write_text(text)
        digests.append(load_policy(tmp_path / "p.yaml").digest)
    assert digests[0] == digests[1] == digests[2] != digests[3]
