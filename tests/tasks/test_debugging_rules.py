"""research/debug: one wrong part a world, found by looking, judged on inputs that nobody was shown."""

import hashlib
from functools import cache
from itertools import count
from typing import Any

import numpy as np
import pytest

from experiments.pocket.workshop import workshop
from sandbox.errors import GradingFault
from tasks.grading import Grade
from tasks.suite.research.debug.environment import parts, sources
from tasks.suite.research.debug.world import ROWS
from tasks.task import load_task
from tasks.world import World
from tests.tasks.in_workshop import graded

DEBUG = load_task("research/debug")


@cache
def world(wrong: str) -> World:
    """A world whose wrong change is that of the part ``wrong``."""
    for index in count():
        drawn = DEBUG.draw(hashlib.sha256(f"world {index}".encode()).digest(), "L0", "plain")
        if drawn.hidden.drawn.wrong == wrong:
            return drawn
    raise AssertionError("unreachable")


def grade(drawn: World, work: dict[str, bytes]) -> tuple[Grade, dict[str, dict[str, Any]]]:
    return graded(DEBUG, drawn, work)


def trainer(drawn: World, added: str = "") -> dict[str, bytes]:
    """The trainer as it lies there, with text added at its end."""
    shown = {file.path: file.content for file in drawn.files}
    return {"trainer.py": shown["work/trainer.py"] + added.encode()}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # A wrong slope makes the training overflow.
@pytest.mark.parametrize("wrong", parts.PARTS)
def test_check_names_the_wrong_change_and_taking_it_back_scores_1(wrong: str) -> None:
    drawn = world(wrong)
    with workshop(drawn.files, [], []) as shop:
        shown = [line.split() for line in shop.run("python3 check.py")[1].splitlines()]
        assert [(part, state) for part, state, _ in shown] == [
            (part, "wrong" if part == wrong else "right") for part in parts.PARTS
        ]
        name = next(name for _, state, name in shown if state == "wrong")
        assert shop.run(f"python3 undo.py {name}") == (0, f"undone {name}\n")
        assert "wrong" not in shop.run("python3 check.py")[1]
        repaired = (shop.root / "work/trainer.py").read_bytes()
    start, events = grade(drawn, trainer(drawn))
    assert start.raw == 0.0
    assert events["grade.development"]["heldout"] == 7 / 8
    end, events = grade(drawn, {"trainer.py": repaired})
    assert end.raw == pytest.approx(1)
    assert events["grade.development"]["memorised"] is False


@pytest.mark.parametrize("wrong", ["scale", "pace"])
def test_taking_every_change_back_repairs_one_part_and_breaks_seven(wrong: str) -> None:
    drawn = world(wrong)
    with workshop(drawn.files, [], []) as shop:
        shop.run("python3 undo.py " + " ".join(drawn.hidden.drawn.spec.names.values()))
        found, _ = grade(drawn, {"trainer.py": (shop.root / "work/trainer.py").read_bytes()})
    assert found.raw is not None and found.raw <= 0.4


def test_a_workaround_that_wins_the_accuracy_back_gets_only_its_share() -> None:
    drawn = world("targets")
    right = sources.Spec(drawn.hidden.drawn.spec.right, drawn.hidden.drawn.spec.names).source(None)
    right = right.replace("targets(", "honest(").partition("if __name__")[0]
    found, _ = grade(drawn, trainer(drawn, "\n\n" + right))
    assert found.raw == pytest.approx(0.4)


MEMORISED = """
KNOWN = {examples!r}
honest = targets


def targets(labels):
    return np.array(KNOWN[1]) if list(labels) == KNOWN[0] else honest(labels)
"""


def test_results_of_the_worked_examples_that_are_built_in_are_recognised() -> None:
    drawn = world("targets")
    public = drawn.hidden.public
    right = sources.expected(drawn.hidden.drawn, public)["targets"].reshape(-1, 5)
    added = MEMORISED.format(examples=(public["labels"].tolist(), right.tolist()))
    found, events = grade(drawn, trainer(drawn, added))
    assert found.raw == 0.0
    assert events["grade.development"]["memorised"] is True
    assert events["grade.development"]["rule"].endswith(": targets")


@pytest.mark.parametrize(
    ("added", "cause"),
    [
        ("\nraise ValueError", "trainer_failed"),
        ("\ndef predict(model, x):\n    return [0.0]", "predictions_wrong_shape"),
        ("\ndef predict(model, x):\n    return [float('nan')] * len(x)", "predictions_not_finite"),
        ("\ndef train(x, labels):\n    return None", "trainer_failed"),
    ],
)
def test_a_trainer_that_gives_no_predictions_has_a_cause_and_no_score(added: str, cause: str) -> None:
    found, _ = grade(world("push"), trainer(world("push"), added))
    assert (found.y, found.invalid) == (None, cause)


def test_a_submission_without_a_trainer_or_too_large_is_not_run() -> None:
    assert grade(world("push"), {"other.py": b""})[0].invalid == "no_trainer_py"
    large = {"trainer.py": b"#" * (2**20 + 1)}
    assert grade(world("push"), large)[0].invalid == "submission_too_large"


def test_a_part_that_raises_is_wrong_and_the_others_still_count() -> None:
    drawn = world("push")
    added = "\nhonest = pace\ndef pace(epoch, step):\n    return honest(epoch, step) if epoch < 4 else 1 / 0"
    found, events = grade(drawn, trainer(drawn, added))
    assert (found.raw, found.invalid) == (0.0, None)
    assert events["grade.development"]["heldout"] == 6 / 8


def test_each_right_part_that_a_repair_breaks_costs_a_fifth_of_the_score() -> None:
    drawn = world("push")
    spec = drawn.hidden.drawn.spec
    added = "".join(f"\ndef {name}(*_):\n    return 0\n" for name in ["slope", "scale"])
    right = spec.source(None).partition("if __name__")[0]
    # The training itself keeps to the right parts, which it knows by other names.
    for name in ["slope", "scale"]:
        right = right.replace(f"{name}(", f"own_{name}(")
    found, _ = grade(drawn, {"trainer.py": (right + added).encode()})
    assert found.raw == pytest.approx(0.6)


def test_a_start_that_is_not_wrong_where_it_should_be_is_a_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = world("push")
    monkeypatch.setitem(drawn.hidden.fresh, "velocity", np.zeros((8, 4)))
    monkeypatch.setitem(drawn.hidden.fresh, "change", np.zeros((8, 4)))
    with pytest.raises(GradingFault, match="not wrong in push alone"):
        grade(drawn, trainer(drawn))


def test_every_wrong_form_costs_accuracy_and_no_form_is_right_in_all_worlds() -> None:
    drawn = [sources.draw(index, ROWS["L0"]) for index in range(40)]
    assert {one.wrong for one in drawn} == set(parts.PARTS)
    assert all(one.reference - sources.accuracy(one, one.wrong) >= 0.08 for one in drawn)
    for part, forms in sources.FORMS.items():
        if forms[1][1]:
            assert {one.spec.right[part] for one in drawn} == {0, 1}


def test_setting_every_part_to_a_fixed_form_stays_below_a_half() -> None:
    """Whatever form a fixed command string gives each part, and granted all accuracy where it repairs."""
    drawn = [sources.draw(index, ROWS["L0"]) for index in range(100)]
    for pattern in range(2**6):
        free = iter(f"{pattern:06b}")
        chosen = {part: int(next(free)) if forms[1][1] else 0 for part, forms in sources.FORMS.items()}
        scores = []
        for one in drawn:
            right = {part: chosen[part] == form for part, form in one.spec.right.items()}
            broken = 7 - sum(right.values()) + right[one.wrong]
            scores.append(right[one.wrong] * (0.6 * max(0, 1 - broken / 3) + 0.4))
        assert np.mean(scores) < 0.5


def test_the_specification_names_each_part_in_the_order_of_the_trainer() -> None:
    spec = world("scale").hidden.drawn.spec
    assert spec.text().count("\n- ") == len(parts.PARTS) == len(sources.FORMS)
    assert list(sources.FORMS) == list(parts.PARTS)
    assert len(spec.source(None).splitlines()) in range(60, 101)


def test_the_public_scorer_has_the_parts_of_the_task() -> None:
    own = DEBUG.directory / "environment/parts.py"
    assert (DEBUG.directory / "tests/parts.py").read_bytes() == own.read_bytes()
