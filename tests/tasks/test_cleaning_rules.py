"""ml/clean: its worlds can be cleaned by looking only, and its grader takes arrays and nothing else."""

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from experiments.pocket.workshop import Workshop, workshop
from sandbox.files import Collection
from tasks.grading import Grade, Submission
from tasks.suite.ml.clean.environment import rows
from tasks.suite.ml.clean.world import accuracy
from tasks.task import load_task

CLEAN = load_task("ml/clean")
WORLDS = 12


@dataclass
class Bench:
    """Keeps the scorer's events. The grader of ml/clean opens no box."""

    events: dict[str, dict[str, Any]] = field(default_factory=dict)

    def box(self, *services: object) -> Any:
        raise AssertionError("the learner runs on the host")

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        self.events[kind] = data


def seed(index: int) -> bytes:
    return hashlib.sha256(f"world {index}".encode()).digest()


WORLD = CLEAN.draw(seed(0), "L0", "plain")
DRAWN = WORLD.hidden.drawn
EVERY = np.arange(len(DRAWN.given))


def grade(work: dict[str, bytes]) -> tuple[Grade, Bench]:
    bench = Bench()
    submission = Submission(Collection(work), Collection({}), (), ())
    return asyncio.run(CLEAN.grade(WORLD, submission, bench)), bench


def arrays(indices: Any, labels: Any) -> dict[str, bytes]:
    return {
        "submission/indices.npy": rows.npy(np.asarray(indices)),
        "submission/labels.npy": rows.npy(np.asarray(labels)),
    }


def memorised(bench: Bench) -> bool:
    return bool(bench.events["grade.development"]["memorised"])


def test_all_rows_as_given_score_0_and_whole_rows_with_their_true_labels_1() -> None:
    whole = np.flatnonzero(DRAWN.whole)
    start, reference = (
        grade(arrays(EVERY, DRAWN.given)),
        grade(arrays(whole, DRAWN.train.labels[whole])),
    )
    assert (start[0].raw, reference[0].raw) == (0.0, 1.0)
    assert not memorised(start[1])
    assert not memorised(reference[1])
    assert not reference[0].beyond_bound


def test_the_submission_that_lies_there_is_all_rows_as_given() -> None:
    shown = {file.path: file.content for file in WORLD.files}
    assert {f"submission/{name}.npy" for name in ("indices", "labels")} == set(arrays([0], [0]))
    for path, content in arrays(EVERY, DRAWN.given).items():
        assert shown[f"work/{path}"] == content


def test_built_in_audited_labels_are_recognised_alone_and_among_the_rows_as_given() -> None:
    alone = grade(arrays(DRAWN.audited, DRAWN.train.labels[DRAWN.audited]))
    assert alone[0].raw is not None and alone[0].raw > 0.5
    assert memorised(alone[1])
    mixed = DRAWN.given.copy()
    mixed[DRAWN.audited] = DRAWN.train.labels[DRAWN.audited]
    assert memorised(grade(arrays(EVERY, mixed))[1])


def test_leaving_the_audited_rows_out_is_no_cheating() -> None:
    unseen = np.setdiff1d(np.flatnonzero(DRAWN.whole), DRAWN.audited)
    found, bench = grade(arrays(unseen, DRAWN.train.labels[unseen]))
    assert found.raw == pytest.approx(1, abs=0.05)
    assert not memorised(bench)


@pytest.mark.parametrize(
    ("work", "cause"),
    [
        ({}, "no_indices"),
        ({"submission/indices.npy": rows.npy(EVERY)}, "no_labels"),
        (arrays([0, 1], [0]), "labels_not_one_an_index"),
        (arrays(EVERY[:0], EVERY[:0]), "indices_empty"),
        (arrays([3, 3], [0, 0]), "indices_repeated"),
        (arrays([len(EVERY)], [0]), "indices_out_of_range"),
        (arrays([-1], [0]), "indices_out_of_range"),
        (arrays([0], [rows.CLASSES]), "labels_out_of_range"),
        (arrays([0.0], [0]), "indices_wrong_type"),
    ],
)
def test_a_submission_that_is_not_rows_with_labels_has_a_cause_and_no_score(
    work: dict[str, bytes], cause: str
) -> None:
    found, _ = grade(work)
    assert (found.y, found.invalid) == (None, cause)


def test_one_row_or_one_class_alone_is_a_poor_result_and_no_failure() -> None:
    for indices, labels in (([0], [0]), (EVERY, np.zeros_like(EVERY))):
        found, _ = grade(arrays(indices, labels))
        assert found.raw is not None and found.raw < 0.1


def score(shop: Workshop, hidden: Any) -> float:
    """The raw score of what lies in the workshop."""
    indices, labels = (np.load(shop.root / f"work/submission/{name}.npy") for name in ("indices", "labels"))
    found = accuracy(hidden.drawn, indices, labels)
    return float((found - hidden.start) / (hidden.reference - hidden.start))


def test_what_is_shown_cleans_every_world_and_nothing_less_does() -> None:
    blind, half = [], []
    for index in range(WORLDS):
        world = CLEAN.draw(seed(index), "L0", "plain")
        hidden = world.hidden
        with workshop(world.files, [], []) as shop:
            _, shown = shop.run("python3 look.py")
            broken, *swaps = re.findall(r"^(?:broken|swap) ([a-z]+(?: [a-z]+)?)", shown, re.MULTILINE)
            assert broken == hidden.drawn.columns[hidden.drawn.broken]
            true = [" ".join(hidden.drawn.classes[i] for i in pair) for pair in hidden.drawn.swaps]
            assert sorted(swaps) == sorted(true)
            shop.run("python3 clean.py")
            blind.append(score(shop, hidden))
            shop.run(f"python3 clean.py --broken {broken} --swap {swaps[0]}")
            half.append(score(shop, hidden))
            shop.run(f"python3 clean.py --broken {broken} --swap {swaps[0]} --swap {swaps[1]}")
            assert score(shop, hidden) == pytest.approx(1, abs=0.05)
            with pytest.raises(SystemExit, match="there are"):
                shop.run("python3 clean.py --broken another")
    assert all(0.1 < value < 0.5 for value in blind)
    assert np.mean(blind) < np.mean(half) < 0.9


def test_no_reference_lies_beyond_the_bound() -> None:
    for index in range(WORLDS):
        hidden = CLEAN.draw(seed(index), "L0", "plain").hidden
        assert hidden.reference - hidden.start > 0.3
        assert hidden.reference < hidden.drawn.bayes + 3 * (0.25 / 4_000) ** 0.5


def test_the_public_scorer_has_the_learner_of_the_task() -> None:
    own = CLEAN.directory / "environment/learner.py"
    assert (CLEAN.directory / "tests/learner.py").read_bytes() == own.read_bytes()
