"""What the tracing program's lines mean, and that no other line means anything."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.sensors.refusals import Box, Canary, Language, Refusal


def line(text: str) -> bytes:
    return json.dumps({"type": "printf", "data": text + "\n"}).encode()


@pytest.mark.parametrize(
    ("machine", "text", "fact"),
    [
        ("x86_64", "4026532616 1831543 272 1 9 4 1 268435456",
         Refusal(Box(4026532616, 1831543), "unshare", "EPERM", 0x10000000, 9, 4)),
        ("x86_64", "1 2 321 38 9 1 1 18446744073709551615", Refusal(Box(1, 2), "bpf", "ENOSYS", -1, 9, 1)),
        ("x86_64", "1 2 165 13 9 1 1 140284634613520", Refusal(Box(1, 2), "mount", "EACCES", None, 9, 1)),
        ("x86_64", "1 2 41 1 9 1 0 0", Refusal(Box(1, 2), "socket", "EPERM", None, 9, 1)),
        ("aarch64", "1 2 40 1 9 1 0 0", Refusal(Box(1, 2), "mount", "EPERM", None, 9, 1)),
        ("x86_64", "canary 4026532616 1831543", Canary(Box(4026532616, 1831543))),
        ("x86_64", "ready", "ready"),
    ],
)  # fmt: skip
def test_a_line_is_a_fact(machine: str, text: str, fact: Refusal | Canary | str) -> None:
    assert Language(machine).read(line(text)) == fact


def test_what_found_no_room_in_the_kernels_buffer_is_a_number() -> None:
    assert Language("x86_64").read(b'{"type": "lost_events", "data": {"events": 17}}') == 17


@pytest.mark.parametrize(
    "said",
    [
        b"ERROR: Error loading program: tracepoint:raw_syscalls:sys_exit", b"", b'{"type": "printf", "data": ', b"7",
        b'{"type": "map", "data": {}}', line("1 2 272"), line("1 2 0 1 9 1 0 0"), line("canary 1"), line(""),
        line("1 2 272 1 9 x 0 0"),
    ],
)  # fmt: skip
def test_any_other_line_is_none(said: bytes) -> None:
    with pytest.raises(ValueError):
        Language("x86_64").read(said)


@given(st.binary() | st.text().map(line))
def test_no_line_breaks_the_reader(said: bytes) -> None:
    try:
        told = Language("x86_64").read(said)
    except (ValueError, KeyError):
        return
    assert isinstance(told, str)


def test_the_numbers_of_no_other_processor_are_guessed() -> None:
    with pytest.raises(KeyError):
        Language("riscv64")
