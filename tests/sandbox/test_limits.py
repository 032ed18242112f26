"""Limits as a person writes them, and which ones contradict each other."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import Mistake
from sandbox.limits import Limits, check_limits, parse_limits


def mistake(name: str, value: object) -> str:
    with pytest.raises(Mistake) as caught:
        parse_limits({name: value}, where="run.yaml")
    return str(caught.value)


def test_limits_are_read_in_seconds_and_bytes() -> None:
    written = {
        "wall": "1.5m", "cpu_time": "500 ms", "memory": "512MiB", "disk": "64MB", "output": 1024,
        "turns": 20, "cpus": 1.5, "record": "1GiB",
    }  # fmt: skip
    assert parse_limits(written, where="run.yaml") == {
        "wall": 90.0, "cpu_time": 0.5, "memory": 536_870_912, "disk": 64_000_000, "output": 1024,
        "turns": 20, "cpus": 1.5, "record": 1_073_741_824,
    }  # fmt: skip


def test_only_what_was_written_is_returned() -> None:
    assert parse_limits({}, where="run.yaml") == {}


@pytest.mark.parametrize(("value", "seconds"), [("2h", 7200.0), ("3min", 180.0), ("3m", 180.0), ("7", 7.0)])
def test_durations_have_units(value: str, seconds: float) -> None:
    assert parse_limits({"wall": value}, where="") == {"wall": seconds}


@pytest.mark.parametrize(("value", "size"), [("1kB", 1_000), ("1KiB", 1_024), ("1GB", 10**9), ("7B", 7)])
def test_a_megabyte_is_decimal_and_a_mebibyte_binary(value: str, size: int) -> None:
    assert parse_limits({"disk": value}, where="") == {"disk": size}


def test_an_unknown_name_lists_the_known_ones() -> None:
    assert mistake("walls", "60s") == (
        "run.yaml: limits.walls: unknown key; known: wall, turns, model_tokens, cpus, cpu_time, memory, "
        "processes, disk, output, events, record"
    )


def test_a_wrong_unit_says_what_to_write() -> None:
    assert mistake("wall", "60MiB") == (
        "run.yaml: limits.wall: '60MiB' is not a quantity; "
        "write a number with one of ms, s, m, min, h, for example 60s"
    )
    assert mistake("turns", "20s") == (
        "run.yaml: limits.turns: '20s' is not a quantity; write a number with no unit, for example 20"
    )


@pytest.mark.parametrize("value", [True, None, [], "", "-5", "1e3", "5 5", "inf", "nan", float("nan")])
def test_what_is_no_quantity_is_refused(value: object) -> None:
    assert f"{value!r} is not a quantity" in mistake("turns", value)


def test_zero_is_refused() -> None:
    assert mistake("memory", "0MiB") == "run.yaml: limits.memory: must be more than zero; it says '0MiB'"


def test_the_defaults_do_not_contradict_each_other() -> None:
    check_limits(Limits(), where="run.yaml")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (
            Limits(wall=60, cpus=0.5, cpu_time=31),
            "run.yaml: limits.cpu_time: cpu_time 31 s can never be used within wall 60 s × 0.5 cpus; "
            "lower cpu_time, or raise wall or cpus",
        ),
        (
            Limits(memory=100, disk=100),
            "run.yaml: limits.disk: disk 100 B is not below memory 100 B, and the box's disks are charged "
            "to its memory; lower disk or raise memory",
        ),
        (
            Limits(record=10, output=11),
            "run.yaml: limits.record: record 10 B cannot hold one output of 11 B; raise record or lower output",
        ),
    ],
)
def test_contradictory_limits_are_refused_with_both_numbers(limits: Limits, message: str) -> None:
    with pytest.raises(Mistake) as caught:
        check_limits(limits, where="run.yaml")
    assert str(caught.value) == message


def test_limits_that_just_meet_are_allowed() -> None:
    check_limits(Limits(wall=60, cpus=0.5, cpu_time=30, memory=101, disk=100, record=9, output=9), where="")


def test_of_two_grants_the_smaller_holds_limit_by_limit() -> None:
    config, task = Limits(wall=30, turns=50), Limits(wall=60, turns=20)
    assert config.smaller(task) == replace(Limits(), wall=30, turns=20)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**6))
def test_the_smaller_grant_does_not_depend_on_order(a: int, b: int, c: int) -> None:
    x, y, z = Limits(turns=a, memory=c), Limits(turns=b, memory=a), Limits(turns=c, memory=b)
    assert x.smaller(y) == y.smaller(x)
    assert x.smaller(y).smaller(z) == x.smaller(y.smaller(z))
    assert x.smaller(x) == x
