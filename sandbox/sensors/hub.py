"""One thread for the held calls of all boxes of a process, so that a busy event loop does not slow the agents down."""

import contextlib
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Final

_NICE: Final = -10
#: Descriptors that are asked for in one round; room is made for all at each.
_AT_ONCE: Final = 64


class Hub:
    """The thread that waits for the calls of all boxes; its state is touched by that thread alone."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._served: dict[int, Callable[[int], object]] = {}
        self._orders: deque[Callable[[], None]] = deque()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.watch(self._wake, lambda _: os.eventfd_read(self._wake))
        threading.Thread(target=self._serve, name="notify", daemon=True).start()

    def order(self, order: Callable[[], None]) -> None:
        """Has the thread do something, from any thread."""
        self._orders.append(order)
        os.eventfd_write(self._wake, 1)

    def watch(self, descriptor: int, serve: Callable[[int], object]) -> None:
        """``serve`` is called with the mask of what happened to ``descriptor``."""
        self._served[descriptor] = serve
        self._epoll.register(descriptor, select.EPOLLIN)

    def forget(self, descriptor: int) -> None:
        """Closes a descriptor that was watched."""
        if self._served.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)
            os.close(descriptor)

    def _serve(self) -> None:
        # Held calls wait for this thread alone; who is not root asks in vain, and the calls take longer.
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while True:
            for descriptor, mask in self._epoll.poll(maxevents=_AT_ONCE):
                # One that an earlier event of this round closed is served no more.
                if (serve := self._served.get(descriptor)) is not None:
                    serve(mask)
            # Descriptors are opened and closed between rounds, so that none of a round is taken for another.
            while self._orders:
                self._orders.popleft()()


@cache
def hub_of(process: int) -> Hub:
    """The one of a process, by its number."""
    return Hub()
