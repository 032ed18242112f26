"""Work over many attempts, spread over this machine's processors."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple, NoReturn, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_log = logging.getLogger(__name__)

#: Stretches for each processor: one that takes longer than the others keeps nobody waiting for long.
_STRETCHES: Final = 8
#: Bytes of a stretch's number in the pipe from which the processes take turns.
_NUMBER: Final = 4


def spread(
    work: Callable[[Sequence[Item]], Result], items: Sequence[Item], *, alone: bool
) -> Iterator[Result]:
    """Begins ``work`` on stretches of ``items`` at once, in processes of its own; gives the results in their order.

    This process takes its share once results are asked for, and does what another one left undone because it was
    killed, could not be begun or failed; an error in ``work`` is therefore raised here.

    Args:
        work: a function of a module, which does not depend on what it was called with before.
        items: are done in stretches, in order.
        alone: there is too little to do for it to be worth a process: all is done here, as one stretch, once it is
            asked for. So it is where there is one processor, or where this process has other threads: a copy of it
            could wait for ever for what one of them held.
    """
    processors = len(os.sched_getaffinity(0))
    if alone or processors == 1 or threading.active_count() > 1:
        return map(work, [items])
    length = max(1, -(-len(items) // (_STRETCHES * processors)))
    stretches = [items[begin : begin + length] for begin in range(0, len(items), length)]
    turns = _turns(len(stretches))
    begun = [_begin(work, stretches, turns) for _ in range(min(processors, len(stretches)) - 1)]
    return _results(work, stretches, turns, [helper for helper in begun if helper is not None])


def _results(
    work: Callable[[Sequence[Item]], Result],
    stretches: Sequence[Sequence[Item]],
    turns: int,
    helpers: list["_Helper"],
) -> Iterator[Result]:
    done: dict[int, Result] = {}
    try:
        with suppress(Exception):  # raised again below, when it is asked for
            _do(work, stretches, turns, done)
        while helpers:
            with suppress(EOFError, OSError):  # it was killed
                done |= helpers[-1].results.recv()
            os.waitpid(helpers.pop().process, 0)
    finally:
        os.close(turns)
        for helper in helpers:  # this was interrupted
            os.kill(helper.process, signal.SIGKILL)
            os.waitpid(helper.process, 0)
    for number, stretch in enumerate(stretches):
        yield done.pop(number) if number in done else work(stretch)


def _do(
    work: Callable[[Sequence[Item]], Result],
    stretches: Sequence[Sequence[Item]],
    turns: int,
    done: dict[int, Result],
) -> None:
    """Does as many stretches as others leave; ``done``: number to what it gave."""
    while number := os.read(turns, _NUMBER):
        stretch = int.from_bytes(number, "little")
        done[stretch] = work(stretches[stretch])


def _turns(count: int) -> int:
    """A pipe that holds the numbers of all stretches: whoever reads one has to do it."""
    taken, given = os.pipe()
    os.write(given, b"".join(number.to_bytes(_NUMBER, "little") for number in range(count)))
    os.close(given)
    return taken


class _Helper(NamedTuple):
    """A process that takes part, and where it hands over what it did once nothing is left to do."""

    process: int
    results: Connection


def _begin(
    work: Callable[[Sequence[Item]], Any], stretches: Sequence[Sequence[Item]], turns: int
) -> _Helper | None:
    """A process that takes part; None where there can be none."""
    ours, theirs = Pipe(duplex=False)
    with theirs:
        try:
            process = os.fork()
        except OSError as error:
            ours.close()
            _log.warning("this goes on with fewer processors: no process can be begun: %s", error.strerror)
            return None
        if process == 0:
            _take_part(work, stretches, turns, theirs)
    return _Helper(process, ours)


def _take_part(
    work: Callable[[Sequence[Item]], Any],
    stretches: Sequence[Sequence[Item]],
    turns: int,
    results: Connection,
) -> NoReturn:
    """What a process that was begun does; what fails it leaves to the one that began it."""
    try:
        # After Ctrl-C, which all processes are sent, the one that the user started says what there is to say.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        done: dict[int, Any] = {}
        with suppress(Exception):
            _do(work, stretches, turns, done)
        results.send(done)
    finally:
        os._exit(0)
