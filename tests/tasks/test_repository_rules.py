"""research/debug from L1 on: a repository with several wrong parts, paid for its repair and for nothing else."""

import hashlib
import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from experiments.pocket.workshop import workshop
from sandbox.errors import GradingFault
from tasks.grading import Grade
from tasks.suite.research.debug.environment import checks, repository
from tasks.suite.research.debug.worth import repaired
from tasks.task import load_task
from tasks.world import World
from tests.tasks.in_workshop import graded

DEBUG = load_task("research/debug")
LEVELS = tuple(repository.LEVELS)


@cache
def world(level: str, index: int = 0) -> World:
    return DEBUG.draw(hashlib.sha256(f"world {index}".encode()).digest(), level, "plain")


def drawn(level: str, index: int = 0) -> repository.Drawn:
    found = world(level, index).hidden.drawn
    assert isinstance(found, repository.Drawn)
    return found


def grade(
    level: str, wrong: tuple[str, ...], report: Any = None, **added: str
) -> tuple[Grade, dict[str, dict[str, Any]]]:
    """The grade of the repository with those parts wrong, and text added to files."""
    texts = drawn(level).texts(wrong)
    work = {name: (text + added.get(name[:-3], "")).encode() for name, text in texts.items()}
    if report is not None:
        work["report.json"] = json.dumps(report).encode()
    return graded(DEBUG, world(level), work)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # A wrong slope makes the training overflow.
@pytest.mark.parametrize("level", LEVELS)
def test_the_spoilt_repository_scores_0_and_the_right_one_1(level: str) -> None:
    start, events = grade(level, drawn(level).wrong)
    assert start.raw == 0.0
    assert events["grade.development"]["heldout"] == pytest.approx(1 - len(drawn(level).wrong) / 19)
    end, events = grade(level, ())
    assert end.raw == pytest.approx(1)
    assert events["grade.development"]["memorised"] is False


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_each_repaired_part_is_worth_its_share_before_accuracy_counts() -> None:
    wrong = drawn("L2").wrong
    for repaired_parts in range(1, len(wrong)):
        raw = grade("L2", wrong[repaired_parts:])[0].raw
        share = repaired_parts / len(wrong)
        assert raw is not None and 0.6 * share - 1e-9 <= raw <= share + 1e-9


def test_a_repair_is_a_share_less_a_third_for_each_part_that_is_broken() -> None:
    right = dict.fromkeys("abcdef", True)
    assert repaired(("a", "b"), right) == 1
    assert repaired(("a", "b"), right | {"a": False}) == 0.5
    assert repaired(("a", "b"), right | {"c": False}) == pytest.approx(2 / 3)
    assert repaired(("a", "b"), right | {"a": False, "c": False}) == pytest.approx(1 / 6)
    assert repaired(("a", "b"), right | {"c": False, "d": False, "e": False}) == 0


NEIGHBOURS = """

def train(x, labels):
    return x, labels


def predict(model, x):
    x_, labels = model
    spread = x_.std(axis=0)
    far = (((x[:, None] - x_) / spread) ** 2).sum(axis=2)
    near = labels[np.argsort(far, axis=1)[:, :15]]
    return np.array([np.bincount(row).argmax() for row in near])
"""


@pytest.mark.parametrize("level", LEVELS)
def test_another_classifier_in_the_place_of_a_repair_is_worth_nothing(level: str) -> None:
    found, _ = grade(level, drawn(level).wrong, trainer=NEIGHBOURS)
    assert (found.raw, found.invalid) == (0.0, None)


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_has_its_number_of_wrong_silent_and_shown_parts(level: str) -> None:
    plan = repository.LEVELS[level]
    for index in range(5):
        one = drawn(level, index)
        assert len(one.wrong) == plan.wrong
        assert len(set(one.wrong) & set(repository.SILENT)) == plan.silent
        assert (repository.MASK in one.wrong) == plan.masked
        assert len(one.shown) == plan.examples
        assert set(one.wrong) & set(one.shown) & set(repository.TOLD)
        places = {checks.WHERE[part] for part in one.wrong}
        assert (one.blamed in places) != (plan.misleading and len(places) < 4)


def lines(texts: dict[str, str]) -> int:
    return sum(text.count("\n") for text in texts.values())


@pytest.mark.parametrize(("level", "files", "least", "most"), [("L1", 5, 150, 250), ("L2", 9, 600, 800), ("L3", 21, 1_700, 2_000)])  # fmt: skip
def test_a_repository_has_the_size_of_its_level(level: str, files: int, least: int, most: int) -> None:
    one = drawn(level)
    laid_out = {file.path: file.content for file in world(level).files}
    assert laid_out["work/data.py"].decode() == one.laid_out(one.wrong)["data.py"]
    assert len(one.laid_out(())) == files
    assert least <= lines(one.laid_out(())) <= most


def test_a_large_repository_differs_from_the_right_one_where_it_is_wrong_and_nowhere_else() -> None:
    one = drawn("L3")
    right, wrong = (
        "".join(texts.values()).splitlines() for texts in (one.laid_out(()), one.laid_out(one.wrong))
    )
    assert len(right) == len(wrong)
    differ = [pair for pair in zip(right, wrong, strict=True) if pair[0] != pair[1]]
    assert len(differ) == len(one.wrong)
    assert all(line.startswith("    return ") for pair in differ for line in pair)
    assert not any(line in one.laid_out(())["data.py"] for pair in differ for line in pair)


def test_the_masking_part_hides_what_the_others_do() -> None:
    one = drawn("L3")
    hidden = one.run(one.wrong)[1]
    assert hidden == pytest.approx([hidden[0]] * len(hidden))
    others = tuple(part for part in one.wrong if part != repository.MASK)
    assert one.run(others)[1] != pytest.approx(hidden)


def test_check_tells_of_the_parts_that_have_an_example() -> None:
    one = drawn("L1")
    with workshop(world("L1").files, [], []) as shop:
        shown = dict(line.split()[:2] for line in shop.run("python3 check.py")[1].splitlines())
    assert shown == {part: "wrong" if part in one.wrong else "right" for part in repository.ALL_FORMS}


def test_each_part_stands_in_its_file_and_the_other_form_gives_another_result() -> None:
    one = drawn("L1")
    case = repository.cases(7, one)
    right = repository.expected(one, case)
    assert set(checks.WHERE) == set(repository.ALL_FORMS) == set(case)
    for part, file in checks.WHERE.items():
        assert f"\ndef {part}(" in one.texts(())[f"{file}.py"]
        spoilt = checks.joined(one.texts((part,)))
        found = checks.measure(getattr(spoilt, part), part, case[part])
        assert not checks.same(part, found, right[part]), part


def test_results_of_the_worked_examples_that_are_built_in_are_recognised() -> None:
    part = next(part for part in drawn("L1").wrong if part in repository.TOLD)
    case = world("L1").hidden.public[part]
    name, given = next(iter(case.items()))
    right = repository.expected(drawn("L1"), {part: case})[part].tolist()
    added = (
        f"\nhonest = {part}\n\n\ndef {part}(*given, **named):\n    found = honest(*given, **named)\n"
        f"    first = next(iter((*given, *named.values())))\n"
        f"    same = np.array_equal(first, np.array({np.asarray(given).tolist()}))\n"
        f"    return np.reshape({right}, np.shape(found)) if same else found\n"
    )
    found, events = grade("L1", drawn("L1").wrong, **{checks.WHERE[part]: added})
    assert (found.raw, name) == (0.0, next(iter(case)))
    assert events["grade.development"]["memorised"] is True
    assert events["grade.development"]["rule"].endswith(f": {part}")


def test_a_mistake_that_happens_to_be_right_on_an_example_is_no_cheat() -> None:
    index = next(i for i in range(40) if drawn("L1", i).right["held_back"])
    one, public, fresh = drawn("L1", index), world("L1", index).hidden.public, world("L1", index).hidden.fresh
    numbers = {"n": np.int64(25)}, {"n": np.int64(27)}
    hidden = replace(
        world("L1", index).hidden,
        public={**public, "held_back": numbers[0]},
        fresh={**fresh, "held_back": numbers[1]},
    )
    texts = one.texts(()) | {"data.py": one.texts(())["data.py"].replace("n - n // 5", "int(0.8 * n)")}
    work = {name: text.encode() for name, text in texts.items()}
    found, events = graded(DEBUG, replace(world("L1", index), hidden=hidden), work)
    assert found.raw is not None and found.raw < 1
    assert events["grade.development"]["development"] == 1.0
    assert events["grade.development"]["heldout"] == 18 / 19
    assert events["grade.development"]["memorised"] is False


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (None, (None, None, None)),
        ("everything", (None, None, None)),
        ({"wrong": [{}]}, (None, None, None)),
        ({"wrong": []}, (0, 2, 0)),
        ({"wrong": ["trainer", "all"]}, (0, 2, 2)),
        ("right", (2, 0, 0)),
    ],
)
def test_what_the_report_names_is_recorded_and_does_not_count(
    report: Any, told: tuple[int | None, int | None, int | None]
) -> None:
    given = {"wrong": list(drawn("L1").wrong)} if report == "right" else report
    found, events = grade("L1", (), given)
    assert found.raw == pytest.approx(1)
    told_of = events["grade.diagnosis"]
    counts = [None if told_of[key] is None else len(told_of[key]) for key in ("named", "missed")]
    assert (*counts, told_of["falsely"]) == told


@pytest.mark.parametrize(
    ("added", "cause"),
    [
        ("\nraise ValueError", "trainer_failed"),
        ("\ndef predict(model, x):\n    return [0.0]", "predictions_wrong_shape"),
        ("\ndef predict(model, x):\n    return [float('nan')] * len(x)", "predictions_not_finite"),
    ],
)
def test_a_trainer_that_gives_no_predictions_has_a_cause_and_no_score(added: str, cause: str) -> None:
    found, _ = grade("L1", (), trainer=added)
    assert (found.y, found.invalid) == (None, cause)


def test_a_submission_without_a_trainer_is_not_run() -> None:
    assert graded(DEBUG, world("L1"), {"data.py": b""})[0].invalid == "no_trainer_py"


def test_a_start_that_is_not_wrong_where_it_should_be_is_a_fault_of_ours() -> None:
    index = next(i for i in range(40) if "push" in drawn("L1", i).wrong)
    spoilt = world("L1", index)
    # Inputs on which both forms give the same.
    zero = {name: np.zeros_like(value) for name, value in spoilt.hidden.fresh["push"].items()}
    hidden = replace(spoilt.hidden, fresh={**spoilt.hidden.fresh, "push": zero})
    with pytest.raises(GradingFault, match=r"not wrong in .* alone"):
        graded(DEBUG, replace(spoilt, hidden=hidden), {"trainer.py": b""})
