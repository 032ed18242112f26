"""research/repro: only what is worked out anew counts, leaf by leaf, and what was written down is recognised."""

import hashlib
import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from experiments.pocket.workshop import workshop
from tasks.grading import Grade
from tasks.suite.research.repro import rubric
from tasks.suite.research.repro.environment import forms, glue, papers, writing
from tasks.task import load_task
from tasks.world import World
from tests.tasks.in_workshop import graded

TASK = load_task("research/repro")


@cache
def world(level: str, index: int = 0) -> World:
    return TASK.draw(hashlib.sha256(f"world {index}".encode()).digest(), level, "plain")


def grade(drawn: World, method: str, **other: Any) -> tuple[Grade, dict[str, dict[str, Any]]]:
    """The grade of a method.py, with other JSON files by name; and the scorer's events."""
    reports = {f"{name}.json": json.dumps(value).encode() for name, value in other.items()}
    return graded(TASK, drawn, {"method.py": method.encode(), **reports})


GLUE = (TASK.directory / "environment/glue.py").read_text()


def right(drawn: World) -> str:
    """The paper's method, put together by the task's own glue."""
    text = GLUE.replace("def predict(", "def _predict(").replace("def table(", "def _table(")
    text = text.replace("= predict(parts", "= _predict(parts").partition("\ndef rows(")[0]
    chosen = drawn.hidden.drawn.chosen
    return (
        f"{text}\n{papers.source(chosen)}\nPARTS = {{{', '.join(f'{part!r}: {part}' for part in chosen)}}}\n"
        "def predict(x, y, new):\n    return _predict(PARTS, x, y, new)\n"
        "def table(x, y):\n    return _table(PARTS, x, y)\n"
    )


def said(drawn: World) -> dict[str, list[str]]:
    """What is reported by somebody who found the wrong claim."""
    wrong = drawn.hidden.drawn.wrong
    return {"wrong": [wrong] if wrong else []}


@pytest.mark.parametrize("level", TASK.levels)
def test_the_empty_method_scores_0_and_the_papers_1(level: str) -> None:
    drawn = world(level)
    shown = {file.path: file.content.decode() for file in drawn.files if file.path.endswith(".py")}
    start, _ = grade(drawn, shown["work/method.py"])
    assert (start.raw, start.invalid) == (0.0, None)
    end, events = grade(drawn, right(drawn), report=said(drawn))
    assert end.raw == 1.0
    assert events["grade.development"]["memorised"] is False


@pytest.mark.parametrize("level", TASK.levels)
def test_a_rubric_has_30_to_120_leaves_and_ends_on_results_that_are_numbers(level: str) -> None:
    for index in range(3):
        hidden = world(level, index).hidden
        called = rubric.calls(hidden)
        nothing = np.full(sum(len(one.expected) for one in called), rubric.NOTHING)
        judged = rubric.judge(hidden, called, nothing, None)
        assert 30 <= judged.leaves <= 120
        assert (judged.right, judged.built_in) == (0, ())
        assert all(np.isfinite(one.expected).all() for one in called)


def test_read_names_the_forms_of_the_paper_and_writing_them_scores_1() -> None:
    drawn = world("L0")
    with workshop(drawn.files, [], []) as shop:
        shown = dict(line.split() for line in shop.run("python3 read.py")[1].splitlines())
        assert set(shown) == set(papers.FIRST)
        assert shop.run("python3 write.py " + " ".join(shown.values()))[1].count("wrote") == 6
        method = (shop.root / "work/method.py").read_text()
    assert grade(drawn, method)[0].raw == 1.0


def test_half_of_the_parts_are_worth_their_leaves_and_no_more() -> None:
    drawn = world("L1")
    lines = (
        right(drawn).replace("\ndef kernel(", "\ndef other(").replace("'kernel': kernel", "'kernel': None")
    )
    found, _ = grade(drawn, lines)
    # 5 of 6 parts with 5 leaves each; predict (3) and table (2 x 3) need the sixth.
    assert found.raw == pytest.approx(25 / 39)


def test_claims_that_were_written_down_count_for_nothing_and_are_recognised() -> None:
    for index in range(8):
        drawn = world("L1", index)
        claims = list(drawn.hidden.drawn.claims.values())
        found, events = grade(drawn, f"def table(x, y):\n    return {[*claims, 0.0]}\n")
        assert found.raw == 0.0
        assert events["grade.development"]["memorised"] is True
        assert events["grade.development"]["rule"].endswith(": table")


def test_a_result_that_was_looked_up_is_recognised_by_its_inputs_twin() -> None:
    drawn = world("L1")
    centre = drawn.hidden.public["centre"]["x"]
    answer = drawn.hidden.drawn.expected("centre", {"x": centre}).tolist()
    method = f"def centre(x):\n    return {answer} if x[0, 0] == {centre[0, 0]!r} else 1 / 0\n".replace(
        "np.float64", ""
    )
    found, events = grade(drawn, method)
    assert found.raw == 0.0
    assert events["grade.development"]["rule"].endswith(": centre")


def test_a_part_that_is_wrong_on_all_inputs_or_right_on_all_is_no_cheat() -> None:
    drawn = world("L1")
    for method in (
        "def centre(x):\n    return x[0]\n",
        right(drawn),
        right(drawn) + "\ndef spread(x, centre):\n    return 1\n",
    ):
        assert grade(drawn, method)[1]["grade.development"]["memorised"] is False


@pytest.mark.parametrize(
    ("report", "holds"),
    [
        (None, False),
        ({"wrong": []}, False),
        ({"wrong": "full, mean"}, False),
        ({"wrong": [["full, mean"]]}, False),
        ([], False),
        ("all", False),
        ("right", True),
    ],
)
def test_the_wrong_claim_must_be_reported_alone(report: Any, holds: bool) -> None:
    drawn = world("L3")
    if report == "right":
        report = said(drawn)
    elif report == "all":
        report = {"wrong": drawn.hidden.drawn.cells}
    found, _ = grade(drawn, right(drawn), **({} if report is None else {"report": report}))
    assert found.raw == pytest.approx(1 if holds else 98 / 102)


@pytest.mark.parametrize(
    ("method", "cause"),
    [
        ("raise ValueError", "method_failed"),
        ("def (", "method_failed"),
    ],
)
def test_a_method_that_cannot_be_imported_has_a_cause_and_no_score(method: str, cause: str) -> None:
    found, _ = grade(world("L1"), method)
    assert (found.y, found.invalid) == (None, cause)


def test_a_submission_without_a_method_or_too_large_is_not_run() -> None:
    assert graded(TASK, world("L1"), {"other.py": b""})[0].invalid == "no_method_py"
    assert grade(world("L1"), "#" * (2**20 + 1))[0].invalid == "submission_too_large"


def test_results_of_another_form_are_wrong_and_the_others_still_count() -> None:
    drawn = world("L1")
    for text in ("'none'", "[float('nan')] * 7", "[[]]", "None", "1e308", "x.tolist() * 9"):
        found, _ = grade(drawn, right(drawn) + f"\ndef centre(x):\n    return {text}\n")
        # PARTS still holds the right one.
        assert (found.raw, found.invalid) == (pytest.approx(34 / 39), None)


def test_a_paper_says_each_part_and_leaves_no_secret_out_of_its_claims() -> None:
    for level in TASK.levels:
        drawn = world(level).hidden.drawn
        text = writing.paper(drawn)
        plan = papers.LEVELS[level]
        assert text.count("we lost the note") == len(drawn.open) == plan.open
        assert len(drawn.shown) == plan.examples
        assert (drawn.wrong is not None) == plan.wrong
        for part, (form, value) in drawn.chosen.items():
            assert forms.FORMS[part][form].text(None if part in drawn.open else value) in text
        full = [cell for cell in drawn.claims if cell.startswith("full")]
        assert len(full) == (2 if len(drawn.cells) == 3 else 3)
        assert len(drawn.claims) < len(drawn.cells)


@pytest.mark.parametrize("level", ["L2", "L3", "L4"])
def test_what_is_left_open_can_be_found_by_the_claims(level: str) -> None:
    drawn = world(level, 1).hidden.drawn
    for part in drawn.open:
        form, value = drawn.chosen[part]
        for other in set(forms.FORMS[part][form].values) - {value}:
            changed = papers.load(papers.source({**drawn.chosen, part: (form, other)}))
            parts = {name: getattr(changed, name) for name in drawn.chosen}
            cells = dict(zip(drawn.cells, glue.table(parts, **drawn.data), strict=True))
            off = {cell for cell, claim in drawn.claims.items() if abs(cells[cell] / claim - 1) > 1e-3}
            assert len(off - {drawn.wrong}) >= 2


def test_no_form_of_a_part_gives_the_results_of_another() -> None:
    for part, three in forms.FORMS.items():
        case = glue.case(np.random.default_rng(3), part)
        found = []
        for form in three:
            for value in form.values or (None,):
                text = f"import numpy as np\ndef {part}({', '.join(forms.ARGUMENTS[part])}):\n    "
                body = form.code(value).replace("\n", "\n    ")
                found.append(np.ravel(getattr(papers.load(text + body), part)(**case)).astype(float))
        for i, one in enumerate(found):
            assert all(len(one) != len(two) or not glue.same(one, two).all() for two in found[:i]), part
