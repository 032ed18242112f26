"""Work that is spread over processes gives what it gives in one, whatever becomes of them."""

import os
import signal
import threading
from collections.abc import Sequence
from functools import partial

import pytest

from experiments.spread import spread

ITEMS = list(range(100))
several = pytest.mark.skipif(len(os.sched_getaffinity(0)) == 1, reason="one processor")


def squares(items: Sequence[int]) -> list[int]:
    return [item * item for item in items]


def place(items: Sequence[int]) -> tuple[int, list[int]]:
    return os.getpid(), list(items)


def killed_away_from(home: int, items: Sequence[int]) -> list[int]:
    if os.getpid() != home and 50 in items:
        os.kill(os.getpid(), signal.SIGKILL)
    return list(items)


def raised(items: Sequence[int]) -> int:
    raise ValueError(f"from {items[0]}")


def joined(stretches: list[list[int]]) -> list[int]:
    return [item for stretch in stretches for item in stretch]


@pytest.mark.parametrize("alone", [True, False])
def test_the_results_come_in_the_order_of_the_items(alone: bool) -> None:
    assert joined(list(spread(squares, ITEMS, alone=alone))) == [item * item for item in ITEMS]


def test_of_nothing_there_is_nothing_to_do() -> None:
    assert joined(list(spread(squares, [], alone=False))) == []


@several
def test_much_work_is_done_by_other_processes_and_little_by_this_one() -> None:
    assert os.getpid() not in {pid for pid, _ in spread(place, ITEMS, alone=False)}
    assert list(spread(place, ITEMS, alone=True)) == [(os.getpid(), ITEMS)]


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
    assert joined(list(spread(partial(killed_away_from, os.getpid()), ITEMS, alone=False))) == ITEMS


@pytest.mark.parametrize("alone", [True, False])
def test_an_error_in_the_work_is_raised_where_its_result_is_asked_for(alone: bool) -> None:
    with pytest.raises(ValueError, match="from 0"):
        list(spread(raised, ITEMS, alone=alone))
