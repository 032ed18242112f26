"""research/fixweights: damage that the record shows, a submission of numbers alone, a bound that labels break."""

import asyncio
import hashlib
import io
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.pocket.workshop import workshop
from sandbox.box import Box
from sandbox.files import Collection
from sandbox.service import Service
from tasks.grading import Grade, Submission
from tasks.suite.research.fixweights.environment import networks
from tasks.suite.research.fixweights.environment.damage import codes, quantised
from tasks.suite.research.fixweights.environment.network import totals
from tasks.task import load_task
from tasks.world import World

TASK = load_task("research/fixweights")


class Bench:
    """Grading needs no box and no event of its own."""

    def box(self, *services: Service) -> AbstractAsyncContextManager[Box]:
        raise AssertionError("nothing of the agent's is run")

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        assert kind in {"grade.start", "grade.score"}


@cache
def world(level: str, index: int = 0) -> World:
    return TASK.draw(hashlib.sha256(f"world {index}".encode()).digest(), level, "plain")


def grade(drawn: World, network: dict[str, networks.Floats], **other: bytes) -> Grade:
    files = {f"model/{name}.npy": networks.npy(matrix) for name, matrix in network.items()}
    files |= {f"model/{name}.npy": data for name, data in other.items()}
    submission = Submission(Collection(files), Collection({}), (), ())
    return asyncio.run(TASK.grade(drawn, submission, Bench()))


@pytest.mark.parametrize("level", TASK.levels)
def test_the_damaged_network_scores_0_and_the_intact_one_1(level: str) -> None:
    drawn = world(level).hidden.drawn
    assert grade(world(level), dict(drawn.damaged)).raw == 0.0
    assert grade(world(level), dict(drawn.intact)).raw == 1.0


@pytest.mark.parametrize("level", TASK.levels)
def test_damage_is_felt_and_no_network_is_better_than_the_best_classifier(level: str) -> None:
    for index in range(3):
        hidden = world(level, index).hidden
        assert hidden.start_error >= 0.5
        assert 0 < hidden.drawn.bayes < hidden.intact_error < 0.1


def test_the_order_of_units_is_free_where_the_next_layer_knows_it() -> None:
    drawn = world("L1").hidden.drawn
    first, second = list(drawn.intact)[:2]
    order = np.random.default_rng(0).permutation(len(drawn.intact[first]))
    network = dict(drawn.intact)
    network[first] = network[first][order]
    network[second] = np.column_stack([network[second][:, order], network[second][:, -1]])
    assert grade(world("L1"), network).raw == pytest.approx(1)


@pytest.mark.parametrize("kind", ["permuted", "flipped", "scaled"])
def test_look_names_the_damage_and_mend_takes_it_back(kind: str) -> None:
    drawn = next(
        one for one in map(lambda i: world("L0", i), range(40)) if (kind,) in one.hidden.drawn.kinds.values()
    )
    name = next(iter(drawn.hidden.drawn.kinds))
    with workshop(drawn.files, [], []) as shop:
        shown = shop.run("python3 look.py")[1]
        assert f"layer {name} {kind}\n" in shown
        assert shop.run(f"python3 mend.py {name} {kind}") == (0, f"mended {name}\n")
        assert [line.split()[2] for line in shop.run("python3 look.py")[1].splitlines()] == ["agrees"] * 3
        mended = {n: np.load(shop.root / f"work/model/{n}.npy") for n in drawn.hidden.drawn.damaged}
    assert grade(drawn, mended).raw == pytest.approx(1)


def test_from_l1_on_no_tool_names_the_damage() -> None:
    for level in TASK.levels:
        paths = {file.path for file in world(level).files}
        assert ({"work/look.py", "work/mend.py"} <= paths) == (level == "L0")
        assert {"task/instruction.md", "task/describe.md", "work/network.py"} <= paths


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30), st.integers(2, 30))
def test_codes_stand_for_a_quantised_matrix_and_quantising_it_again_changes_nothing(
    seed: int, units: int, inputs: int
) -> None:
    matrix = np.random.default_rng(seed).normal(size=(units, inputs))
    once = quantised(matrix)
    code, step, zero = codes(once)
    assert set(np.unique(code)) <= set(range(32))
    np.testing.assert_allclose(step * (code - zero), once, atol=1e-12)
    assert np.abs(once - matrix).max() <= 1.01 * step.max()


def test_at_l3_one_layer_is_turned_and_one_left_in_codes_and_what_was_before_is_quantised() -> None:
    for index in range(3):
        drawn = world("L3", index).hidden.drawn
        assert sorted(drawn.kinds.values()) == [("quantised",), ("rotated",)]
        left = next(name for name, kinds in drawn.kinds.items() if kinds == ("quantised",))
        assert set(np.unique(drawn.damaged[left])) <= set(range(32))
        for matrix in drawn.intact.values():
            np.testing.assert_allclose(quantised(matrix), matrix, atol=1e-12)


@pytest.mark.parametrize("level", TASK.levels)
def test_the_box_holds_no_label_and_no_matrix_that_was_damaged(level: str) -> None:
    drawn = world(level).hidden.drawn
    laid = b"".join(file.content for file in world(level).files)
    assert drawn.heldout.x.tobytes() not in laid
    for name in drawn.kinds:
        assert drawn.damaged[name].tobytes() in laid
        assert drawn.intact[name].tobytes() not in laid
    assert not np.isin(drawn.heldout.x[:, 0], drawn.given[:, 0]).any()


def test_the_record_is_what_the_intact_network_does_on_the_given_rows() -> None:
    drawn = world("L3").hidden.drawn
    for name, values in zip(drawn.intact, totals(drawn.intact, drawn.given), strict=True):
        np.testing.assert_allclose(drawn.recorded[f"{name}.mean"], values.mean(axis=0))
        np.testing.assert_allclose(drawn.recorded[f"{name}.covariance"], np.cov(values.T, bias=True))


def test_an_error_far_below_the_best_classifiers_is_beyond_the_bound() -> None:
    drawn = world("L0")
    intact = dict(drawn.hidden.drawn.intact)
    assert not grade(drawn, intact).beyond_bound
    # As if the intact network had been given the labels: the best classifier errs on a third of the rows.
    harder = replace(drawn.hidden, drawn=replace(drawn.hidden.drawn, bayes=1 / 3))
    assert grade(replace(drawn, hidden=harder), intact).beyond_bound


def test_a_network_without_an_error_is_not_infinitely_good() -> None:
    drawn = world("L0")
    n = len(drawn.hidden.drawn.heldout.labels)
    right = totals(drawn.hidden.drawn.intact, drawn.hidden.drawn.heldout.x)[-1].argmax(axis=1)
    told = replace(drawn.hidden.drawn, heldout=replace(drawn.hidden.drawn.heldout, labels=right))
    found = grade(replace(drawn, hidden=replace(drawn.hidden, drawn=told)), dict(drawn.hidden.drawn.intact))
    assert found.y == pytest.approx(np.log(2 * n))
    assert found.beyond_bound


def pickled(values: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array(values, dtype=object), allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "layer_not_npy"),
        (pickled([[{}]]), "layer_wrong_type"),
        (networks.npy(np.zeros((16, 12))), "layer_wrong_shape"),
        (networks.npy(np.zeros(16 * 13)), "layer_wrong_shape"),
        (networks.npy(np.zeros((13, 16))), "layer_wrong_shape"),
        (networks.npy(np.full((16, 13), np.nan)), "layer_not_finite"),
        (networks.npy(np.zeros((16, 13), dtype=int)), "layer_wrong_type"),
        (networks.npy(np.zeros((1600, 13))), "layer_too_large"),
        (networks.npy(np.zeros((16, 13)))[:-8], "layer_wrong_length"),
    ],
)
def test_matrices_of_another_form_have_a_cause_and_no_score(data: bytes, cause: str) -> None:
    drawn = world("L0").hidden.drawn
    found = grade(world("L0"), dict(drawn.damaged), **{next(iter(drawn.damaged)): data})
    assert (found.y, found.invalid) == (None, cause)


def test_a_matrix_stored_by_columns_is_the_same_matrix() -> None:
    drawn = world("L0").hidden.drawn
    turned = {name: networks.npy(np.asfortranarray(matrix)) for name, matrix in drawn.intact.items()}
    assert grade(world("L0"), {}, **turned).raw == 1.0


def test_a_missing_layer_has_a_cause() -> None:
    drawn = world("L0").hidden.drawn
    assert grade(world("L0"), dict(list(drawn.intact.items())[1:])).invalid == "no_layer"


def test_totals_that_overflow_label_rows_all_the_same() -> None:
    drawn = world("L0").hidden.drawn
    huge = {name: matrix * 1e300 for name, matrix in drawn.intact.items()}
    found = grade(world("L0"), huge)
    assert found.invalid is None and found.raw is not None and found.raw < 0.5


def test_the_public_scorer_runs_networks_as_the_task_does() -> None:
    own = TASK.directory / "environment/network.py"
    assert (TASK.directory / "tests/network.py").read_bytes() == own.read_bytes()
