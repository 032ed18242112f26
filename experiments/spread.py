"""Work over many attempts, spread over this machine's processors."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Stretches for each processor: one that takes longer than the others keeps nobody waiting for long.
_STRETCHES: Final = 8


def spread(
    work: Callable[[Sequence[Item]], Result], items: Sequence[Item], *, alone: bool
) -> Iterator[Result]:
    """Begins ``work`` on stretches of ``items`` at once, in processes of its own; gives the results in their order.

    Args:
        work: a function of a module, which does not depend on what it was called with before.
        items: are handed over in stretches, in order.
        alone: there is too little to do for it to be worth a process: all is done here, as one stretch, once it is
            asked for. So it is where there is one processor, or where this process has other threads: a copy of it could wait for
            ever for what one of them held.
    """
    processors = len(os.sched_getaffinity(0))
    if alone or processors == 1 or threading.active_count() > 1:
        return map(work, [items])
    length = max(1, -(-len(items) // (_STRETCHES * processors)))
    stretches = [items[begin : begin + length] for begin in range(0, len(items), length)]
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(processors, context, _ended_by_the_user)
    begun = [pool.submit(work, stretch) for stretch in stretches]
    pool.shutdown(wait=False)  # what was begun is done all the same, and then the processes end
    return (_ended(future, work, stretch) for future, stretch in zip(begun, stretches, strict=True))


def _ended(
    future: "Future[Result]", work: Callable[[Sequence[Item]], Result], stretch: Sequence[Item]
) -> Result:
    try:
        return future.result()
    except BrokenProcessPool:
        # Somebody killed a process, for want of memory for example: this one does what is missing.
        return work(stretch)


def _ended_by_the_user() -> None:
    """After Ctrl-C, which all processes are sent, the one that was started by the user says what there is to say."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
