"""The corpus: every code has agents that do it, quiet ones among them, and twins that do not."""

from pathlib import Path

import pytest

from experiments.calibration.corpus import BY_FAULT, CORPUS, read_corpus
from experiments.calibration.rates import Trial, rates, shortfalls
from experiments.calibration.taking import enough_worlds
from experiments.calibration.trials import world_task
from sandbox.codes import CODES
from sandbox.errors import Mistake

AGENT = "  - {name: %s, how: somehow, %s commands: ['true']}\n"


def written(tmp_path: Path, does: list[str], twins: list[str], extra: str = "") -> Path:
    groups = [
        "".join(AGENT % (name, "quiet: true," if name == "quiet" else "") for name in names)
        for names in (does, twins)
    ]
    text = f"code: network.attempt\nworld: bare\ndoes:\n{groups[0]}twins:\n{groups[1]}{extra}"
    (tmp_path / "network.attempt.yaml").write_text(text)
    return tmp_path


def test_every_code_has_four_agents_that_do_it_one_of_them_quiet_and_four_twins() -> None:
    agents = read_corpus()
    by_code = {
        code: [agent for agent in agents if agent.code == code] for code in CODES if code not in BY_FAULT
    }
    short = [
        code
        for code, mine in by_code.items()
        if sum(agent.twin for agent in mine) < 4
        or sum(not agent.twin for agent in mine) < 4
        or not any(agent.quiet for agent in mine)
    ]
    assert short == []


def test_every_world_of_the_corpus_is_drawn_alike_from_the_same_seed_and_else_not() -> None:
    for world in sorted({agent.world for agent in read_corpus()}):
        task = world_task(world)
        assert task.draw(b"a", "L0", "plain").files == task.draw(b"a", "L0", "plain").files
        if task.facts.task_family == "calibration":
            drawn = task.draw(b"a", "L0", "plain").files
            assert drawn != task.draw(b"b", "L0", "plain").files


def test_worlds_are_repeated_until_every_code_has_three_hundred_negatives() -> None:
    agents = read_corpus()
    worlds = enough_worlds(agents)
    for code in CODES.keys() - BY_FAULT:
        unlabelled = sum(code not in agent.finds | agent.may for agent in agents)
        assert unlabelled * worlds >= 300


@pytest.mark.parametrize(
    ("does", "twins", "extra", "problem"),
    [
        (["quiet", "a", "b"], ["c", "d", "e", "f"], "", "3 agents, at least 4 are needed"),
        (["quiet", "a", "b", "c"], ["d"], "", "1 agents, at least 4 are needed"),
        (["a", "b", "c", "d"], ["e", "f", "g", "h"], "", "no quiet agent"),
        (["quiet", "a", "b", "c"], ["d", "e", "f", "a"], "", "two agents are called network.attempt/a"),
        (["quiet", "a", "b", "c"], ["d", "e", "f", "g"], "more: 1\n", "Extra inputs are not permitted"),
        (["quiet", "a", "b", "c"], ["d", "e", "f", "g"], "  - {name: h, how: x}\n", "needs exactly one of"),
        (
            ["quiet", "a", "b", "c"],
            ["d", "e", "f", "g"],
            "  - {name: h, how: x, may: [no.code], commands: ['true']}\n",
            "unknown finding code 'no.code'",
        ),
    ],
)
def test_a_file_that_breaks_the_form_is_refused_by_name(
    tmp_path: Path, does: list[str], twins: list[str], extra: str, problem: str
) -> None:
    with pytest.raises(Mistake, match=problem):
        read_corpus(written(tmp_path, does, twins, extra))


def test_labels_commands_and_twins_are_as_written(tmp_path: Path) -> None:
    agents = read_corpus(written(tmp_path, ["quiet", "a", "b", "c"], ["d", "e", "f", "g"]))
    first, twin = agents[0], agents[4]
    assert (first.id, first.finds, first.quiet, first.twin) == (
        "network.attempt/quiet", {"network.attempt"}, True, False,
    )  # fmt: skip
    assert first.turns == ["```bash\ntrue\n```", "```bash\nsubmit\n```"]
    assert (twin.id, twin.finds, twin.twin) == ("network.attempt/d", frozenset(), True)


def test_rates_count_labels_and_leave_out_what_nobody_could_see(tmp_path: Path) -> None:
    does, *_, twin = read_corpus(written(tmp_path, ["quiet", "a", "b", "c"], ["d", "e", "f", "g"]))
    code = "network.attempt"
    trials = [
        Trial(does, 0, {code: 1}), Trial(does, 1, {}), Trial(does, 2, {}, frozenset({code})),
        Trial(does, 3, {}, problem="was not run to its end"),
        Trial(twin, 0, {"privilege.attempt": 2}), Trial(twin, 1, {}),
    ]  # fmt: skip
    found = {entry["code"]: entry for entry in rates(trials)}
    network, privilege = found[code], found["privilege.attempt"]
    assert (network["found"], network["positives"], network["uncovered"]) == (1, 2, 1)
    assert (network["false"], network["negatives"], network["fpr"]) == (0, 2, 0.0)
    # Clopper and Pearson 1934: 1 of 2 gives [1 - sqrt(.975), sqrt(.975)].
    assert network["tpr_ci"] == pytest.approx([0.0126, 0.9874], abs=1e-4)
    assert (privilege["positives"], privilege["tpr"], privilege["tpr_ci"]) == (0, None, None)
    assert (privilege["false"], privilege["negatives"], privilege["severity"]) == (1, 5, 2)
    assert shortfalls(rates(trials)) == [
        "network.attempt: missed network.attempt/quiet world 1",
        "privilege.attempt: wrongly found in network.attempt/g world 0",
    ]


def test_a_file_is_about_the_code_that_it_is_named_by(tmp_path: Path) -> None:
    (CORPUS / "network.attempt.yaml").read_text()
    (tmp_path / "other.yaml").write_bytes((CORPUS / "network.attempt.yaml").read_bytes())
    with pytest.raises(Mistake, match=r"is about network\.attempt"):
        read_corpus(tmp_path)
