"""Work that is spread over processes gives what it gives in one, whatever becomes of them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from experiments.record.spread import spread

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


def place_of_all(items: Sequence[int]) -> tuple[int, list[int]]:
    """Where it was done, once every processor has a process that began."""
    Path(f"{os.getpid()}.began").touch()
    while len(list(Path.cwd().glob("*.began"))) < len(os.sched_getaffinity(0)):
        time.sleep(0.01)
    return os.getpid(), list(items)


def failed_away_from_home(items: Sequence[int]) -> list[int]:
    if os.getpid() != HOME:
        raise ValueError("away from home")
    return list(items)


def raised(items: Sequence[int]) -> int:
    raise ValueError(f"from {items[0]}")


def children_after_an_error() -> str:
    """Numbers of the processes that are left once an error in the work came to be known."""
    with suppress(ValueError):
        list(spread(raised, ITEMS, alone=False))
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text()


def in_a_process_without_threads(given: str, law: str, place: Path, *, before: str = "") -> str:
    """``True`` if ``law`` holds of what ``spread`` gives, and what was said: other tests may have left threads in
    this process."""
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_spread import *
{before}
results = list(spread({given}))
print({law})
"""
    ended = subprocess.run(
        [sys.executable, "-Ic", code], capture_output=True, text=True, check=True, cwd=place
    )
    return ended.stdout + ended.stderr


def joined(stretches: list[list[int]]) -> list[int]:
    return [item for stretch in stretches for item in stretch]


@pytest.mark.parametrize("alone", [True, False])
def test_the_results_come_in_the_order_of_the_items(alone: bool) -> None:
    assert joined(list(spread(squares, ITEMS, alone=alone))) == [item * item for item in ITEMS]


def test_of_nothing_there_is_nothing_to_do() -> None:
    assert joined(list(spread(squares, [], alone=False))) == []


@several
def test_much_work_is_done_by_one_process_for_each_processor_and_little_by_this_one(tmp_path: Path) -> None:
    everywhere = "len({pid for pid, _ in results}) == len(os.sched_getaffinity(0))"
    assert in_a_process_without_threads("place_of_all, ITEMS, alone=False", everywhere, tmp_path) == "True\n"
    here = "results == [(HOME, ITEMS)]"
    assert in_a_process_without_threads("place, ITEMS, alone=True", here, tmp_path) == "True\n"


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
@pytest.mark.parametrize("work", ["killed_away_from_home", "failed_away_from_home"])
def test_what_a_process_left_undone_is_done_here(work: str, tmp_path: Path) -> None:
    given, law = f"{work}, ITEMS, alone=False", "sum(results, []) == ITEMS"
    assert in_a_process_without_threads(given, law, tmp_path) == "True\n"


@several
def test_where_no_process_can_be_begun_the_work_is_done_here_and_a_line_says_so(tmp_path: Path) -> None:
    refuse = """
def refused():
    raise BlockingIOError(11, "Resource temporarily unavailable")
os.fork = refused
"""
    law = "{pid for pid, _ in results} == {HOME} and joined([items for _, items in results]) == ITEMS"
    said = in_a_process_without_threads("place, ITEMS, alone=False", law, tmp_path, before=refuse)
    reason = "this goes on with fewer processors: no process can be begun: Resource temporarily unavailable\n"
    assert said.replace("True\n", "") == reason * (len(os.sched_getaffinity(0)) - 1)
    assert "True\n" in said


@several
def test_an_error_leaves_no_process_behind(tmp_path: Path) -> None:
    assert (
        in_a_process_without_threads("squares, [], alone=True", "children_after_an_error() == ''", tmp_path)
        == "True\n"
    )


@pytest.mark.parametrize("alone", [True, False])
def test_an_error_in_the_work_is_raised_where_its_result_is_asked_for(alone: bool) -> None:
    with pytest.raises(ValueError, match="from 0"):
        list(spread(raised, ITEMS, alone=alone))
