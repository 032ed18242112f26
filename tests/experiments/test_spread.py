"""Work that is spread over processes gives what it gives in one, whatever becomes of them."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from experiments.spread import spread

ITEMS = list(range(100))
HOME = os.getpid()
several = pytest.mark.skipif(len(os.sched_getaffinity(0)) == 1, reason="one processor")


def squares(items: Sequence[int]) -> list[int]:
    return [item * item for item in items]


def place(items: Sequence[int]) -> tuple[int, list[int]]:
    return os.getpid(), list(items)


def killed_away_from_home(items: Sequence[int]) -> list[int]:
    if os.getpid() != HOME and 50 in items:
        os.kill(os.getpid(), signal.SIGKILL)
    return list(items)


def raised(items: Sequence[int]) -> int:
    raise ValueError(f"from {items[0]}")


def in_a_process_without_threads(given: str, law: str) -> bool:
    """Whether ``law`` holds of what ``spread`` gives: other tests may have left threads in this process."""
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_spread import *
results = list(spread({given}))
print({law})
"""
    ended = subprocess.run([sys.executable, "-Ic", code], capture_output=True, text=True, check=True)
    return ended.stdout == "True\n"


def joined(stretches: list[list[int]]) -> list[int]:
    return [item for stretch in stretches for item in stretch]


@pytest.mark.parametrize("alone", [True, False])
def test_the_results_come_in_the_order_of_the_items(alone: bool) -> None:
    assert joined(list(spread(squares, ITEMS, alone=alone))) == [item * item for item in ITEMS]


def test_of_nothing_there_is_nothing_to_do() -> None:
    assert joined(list(spread(squares, [], alone=False))) == []


@several
def test_much_work_is_done_by_other_processes_and_little_by_this_one() -> None:
    assert in_a_process_without_threads(
        "place, ITEMS, alone=False", "HOME not in {pid for pid, _ in results}"
    )
    assert in_a_process_without_threads("place, ITEMS, alone=True", "results == [(HOME, ITEMS)]")


def test_a_process_with_other_threads_is_not_copied() -> None:
    held = threading.Event()
    thread = threading.Thread(target=held.wait)
    thread.start()
    try:
        assert list(spread(place, ITEMS, alone=False)) == [(os.getpid(), ITEMS)]
    finally:
        held.set()
        thread.join()


@several
def test_what_a_killed_process_was_to_do_is_done_here() -> None:
    assert in_a_process_without_threads(
        "killed_away_from_home, ITEMS, alone=False", "sum(results, []) == ITEMS"
    )


@pytest.mark.parametrize("alone", [True, False])
def test_an_error_in_the_work_is_raised_where_its_result_is_asked_for(alone: bool) -> None:
    with pytest.raises(ValueError, match="from 0"):
        list(spread(raised, ITEMS, alone=alone))
