"""A reward file is read strictly."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.grading import Ungradable
from tasks.harbor.reward import BadReward, counting, read_reward


def test_a_text_is_one_number() -> None:
    assert read_reward({"reward.txt": b" 0.5\n"}) == {"reward": 0.5}


def test_json_goes_before_text_and_may_hold_several() -> None:
    found = read_reward({"reward.txt": b"0", "reward.json": b'{"reward": 1, "style": 0.25}'})
    assert found == {"reward": 1.0, "style": 0.25}
    assert counting(found) == 1.0
    assert counting(read_reward({"reward.json": b'{"accuracy": 0.75}'})) == 0.75


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "left no reward file"),
        ({"reward.txt": b"\n"}, "reward.txt is empty"),
        ({"reward.txt": b"one"}, "holds no number"),
        ({"reward.txt": b"nan"}, "not finite"),
        ({"reward.txt": b"inf"}, "not finite"),
        ({"reward.txt": b"\xff"}, "not UTF-8"),
        ({"reward.txt": b"1" * 100_000}, "larger than"),
        ({"reward.json": b"1"}, "is no object"),
        ({"reward.json": b"[1]"}, "is no object"),
        ({"reward.json": b"{}"}, "holds no reward"),
        ({"reward.json": b'{"reward": 1, "reason": "done"}'}, "holds no number"),
        ({"reward.json": b'{"reward": "1"}'}, "holds no number"),
        ({"reward.json": b'{"reward": NaN}'}, "not finite"),
        ({"reward.json": b'{"reward": 1e999}'}, "not finite"),
        ({"reward.json": b'{"reward": ' + b"9" * 400 + b"}"}, "not finite"),
        ({"reward.json": b"[" * 50_000}, "is not JSON"),
        ({"reward.json": b"{", "reward.txt": b"1"}, "is not JSON"),
    ],
)
def test_what_is_no_reward_has_a_cause(files: dict[str, bytes], said: str) -> None:
    with pytest.raises(BadReward, match=said):
        read_reward(files)


def test_of_several_none_counts_unless_one_is_the_reward() -> None:
    with pytest.raises(Ungradable, match=r"^no_reward: reward\.json has no 'reward' among 2 values$"):
        counting(read_reward({"reward.json": b'{"passed": 1, "speedup": 3.5}'}))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_comes_back(value: float) -> None:
    assert counting(read_reward({"reward.txt": repr(value).encode()})) == value
    assert counting(read_reward({"reward.json": json.dumps({"reward": value}).encode()})) == value


@given(st.binary(max_size=200))
def test_whatever_lies_there_is_a_number_or_a_cause(content: bytes) -> None:
    for name in ("reward.txt", "reward.json"):
        try:
            assert isinstance(counting(read_reward({name: content})), float)
        except (BadReward, Ungradable) as error:
            assert str(error)
