"""Which limits of a file got looser."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.looser import is_whole, looser


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"max_steps": 40}, {"max_steps": 41}, [("max_steps", 40, 41)]),
        ({"max_steps": 40}, {"max_steps": 39}, []),
        ({"max_steps": 40}, {"max_steps": 40.0}, []),
        ({"max_steps": 40}, {}, [("max_steps", 40, None)]),
        ({"max_steps": 40}, {"max_steps": "unlimited"}, [("max_steps", 40, "unlimited")]),
        ({"max_steps": 40}, {"max_steps": 40, "note": "mine"}, []),
        ({"tools": {"allow": ["shell"]}}, {"tools": {"allow": ["shell", "net"]}},
         [("tools.allow", ["shell"], ["shell", "net"])]),
        ({"deny": ["net", "ssh"]}, {"deny": ["ssh"]}, [("deny", ["net", "ssh"], ["ssh"])]),
        ({"deny": ["net"]}, {"deny": ["net", "ssh"]}, []),
        ({"enforce": True}, {"enforce": False}, [("enforce", True, False)]),
        ({"root": False}, {"root": True}, [("root", False, True)]),
        ({"root": True}, {"root": False}, []),
        ({"min_pause": 5}, {"min_pause": 1}, [("min_pause", 5, 1)]),
        ({"retry_delay": 5}, {"retry_delay": 9}, []),
        ({"oversight_every": 5}, {"oversight_every": 50}, [("oversight_every", 5, 50)]),
        ({"monitor_interval": 5}, {"monitor_interval": 1}, []),
        ({"audit": True}, {"audit": False}, [("audit", True, False)]),
    ],
)  # fmt: skip
def test_a_limit_is_looser_by_its_direction(
    before: dict[str, Any], after: dict[str, Any], found: list[tuple[str, Any, Any]]
) -> None:
    assert looser(json.dumps(before), json.dumps(after), {}) == found


def test_what_is_granted_is_no_loosening_up_to_there() -> None:
    before, grants = '{"max_steps": 40, "min_pause": 5}', {"max_steps": 60, "min_pause": 2}
    assert looser(before, '{"max_steps": 60, "min_pause": 2}', grants) == []
    assert looser(before, '{"max_steps": 61, "min_pause": 1}', grants) == [
        ("max_steps", 40, 61), ("min_pause", 5, 1),
    ]  # fmt: skip


def test_a_limit_that_is_set_once_more_elsewhere_is_looser_if_it_is_than_all_that_were_there() -> None:
    before = '{"steps": 5, "a": {"wall": 10}, "b": {"wall": 100}}'
    more = '{"steps": 5, "a": {"wall": 10}, "b": {"wall": 100}, "more": {"steps": 50, "wall": 50, "note": 9}}'
    assert looser(before, more, {}) == [("more.steps", 5, 50)]
    assert looser('{"min_pause": 5}', '{"min_pause": -1}', {}) == [("min_pause", 5, -1)]


def test_lines_are_not_whole_before_the_last_has_ended() -> None:
    assert not is_whole("a: 1\nwall: 30\n", "a: 1\nwall:")
    assert not is_whole("a: 1\nwall: 30\n", "a: 1\nwall: 3")
    assert is_whole("a: 1\nwall: 30\n", "a: 1\nwall: 3\n")
    assert is_whole('{"wall": 30}\n', '{"wall": 3}')


def test_lines_of_settings_are_read_too() -> None:
    before = "# limits\nmax_steps: 40\nshell = on  # always\n"
    assert looser(before, "max_steps: 400\nshell = on\n", {}) == [("max_steps", 40, 400)]
    assert looser(before, "max_steps: 40\nshell: off\n", {}) == []


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("[a]\nmost = 1\n[b]\nmost = 2\n", "[a]\nmost = 9\n[b]\nmost = 2\n", [("a.most", 1, 9)]),
        ("a:\n  most: 1\nb:\n  most: 2\n", "a:\n  most: 9\nb:\n  most: 2\n", [("a.most", 1, 9)]),
        ("a:\n  most: 1\n", "a:\n    most: 1  # as before\n", []),
        ("timeout: 5s\n", "timeout: 4s\n", []),
        ("timeout: 90s\n", "timeout: 2m\n", [("timeout", "90s", "2m")]),
        ("tools: [a, b]\n", "tools: [a]\n", []),
        ("tools: [a]\n", "tools: [a, b]\n", [("tools", ["a"], ["a", "b"])]),
        ("sandbox: on\n", "sandbox: off\n", [("sandbox", True, False)]),
        ("sandbox_memory: 1\n", "sandbox_memory: 2\n", [("sandbox_memory", 1, 2)]),
    ],
)
def test_lines_have_sections_units_lists_and_switches(
    before: str, after: str, found: list[tuple[str, Any, Any]]
) -> None:
    assert looser(before, after, {}) == found


@pytest.mark.parametrize("after", ["", "[1, 2]", "not a setting", "\0"])
def test_what_has_no_known_form_is_said_to_have_none(after: str) -> None:
    assert looser('{"max_steps": 40}', after, {}) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FILES = st.dictionaries(st.text(max_size=8), VALUES, max_size=4).map(json.dumps) | st.text(max_size=60)


@given(FILES)
def test_a_file_is_no_looser_than_itself(text: str) -> None:
    assert looser(text, text, {}) in ([], None)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.integers(), min_size=1), st.data())
def test_whatever_loosens_is_tighter_the_other_way_round(limits: dict[str, int], data: st.DataObject) -> None:
    changed = {key: data.draw(st.integers()) for key in limits}
    there, back = (
        {key for key, _, _ in looser(json.dumps(a), json.dumps(b), {}) or ()}
        for a, b in ((limits, changed), (changed, limits))
    )
    assert not there & back
    assert there | back == {key for key in limits if limits[key] != changed[key]}


def test_a_line_of_blanks_is_read_at_the_cost_of_its_length() -> None:
    """Tried from each blank with all that follow, each reading of a guarded file would take seconds."""
    assert looser("a = 1" + " " * 300_000 + "x", "a = 1" + " " * 300_000 + "x  # as before", {}) == []
