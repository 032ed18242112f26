"""A rate limit that all episodes of a process share, and share fairly.

In any window of 60 seconds no more requests begin, and no more tokens are booked, than the rate
grants. Of the episodes that wait, the one that was admitted the longest ago goes first, so an
episode that asks often does not eat the share of one that asks seldom.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

#: Seconds over which requests and tokens are counted.
WINDOW: Final = 60.0


@dataclass(frozen=True, slots=True)
class Rate:
    """What an endpoint grants; None is unlimited."""

    #: Requests a minute.
    requests: int | None = None
    #: Tokens a minute, in and out together.
    tokens: int | None = None
    #: Requests at a time.
    concurrency: int | None = None


@dataclass(eq=False, slots=True)
class Ticket:
    """One request: waiting, then admitted, then settled."""

    client: Hashable
    #: Booked for it: an estimate until ``Turnstile.settle``.
    tokens: int
    #: In the order of joining, then of admission.
    number: int
    admitted: float | None = None


@dataclass(slots=True)
class Turnstile:
    """Who may go, as a function of the time that it is told: no clock and no task of its own."""

    rate: Rate
    #: Nobody goes before.
    paused_until: float = 0.0
    _waiting: list[Ticket] = field(default_factory=list)
    _window: deque[Ticket] = field(default_factory=deque)
    _inside: int = 0
    _numbers: int = 0
    #: Client -> number of its latest admission; forgotten with the window if it waits for nothing.
    _served: dict[Hashable, int] = field(default_factory=dict)

    def join(self, client: Hashable, tokens: int) -> Ticket:
        """Queues a request of ``client`` that will cost about ``tokens``."""
        self._numbers += 1
        ticket = Ticket(client, tokens, self._numbers)
        self._waiting.append(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """``ticket`` gives up waiting, or its request is over."""
        if ticket.admitted is None:
            self._waiting.remove(ticket)
        else:
            self._inside -= 1

    def settle(self, ticket: Ticket, tokens: int) -> None:
        """What an admitted request did cost."""
        ticket.tokens = tokens

    def pause(self, until: float) -> None:
        """Lets nobody go before ``until``; a longer pause is not shortened."""
        self.paused_until = max(self.paused_until, until)

    def admit(self, now: float) -> list[Ticket]:
        """Lets go everybody who may go at ``now``, in order."""
        while self._window and now >= (self._window[0].admitted or 0.0) + WINDOW:
            old = self._window.popleft()
            if self._served[old.client] == old.number and not self._waits(old.client):
                del self._served[old.client]
        gone: list[Ticket] = []
        while self._waiting and now >= self.paused_until:
            ticket = min(self._waiting, key=lambda one: (self._served.get(one.client, 0), one.number))
            if not self._fits(ticket):
                break
            self._go(ticket, now)
            gone.append(ticket)
        return gone

    def opens(self, now: float) -> float | None:
        """When somebody who waits may be able to go; None: nobody waits, or only ``leave`` can tell."""
        if not self._waiting:
            return None
        if now < self.paused_until:
            return self.paused_until
        full = self.rate.concurrency is not None and self._inside >= self.rate.concurrency
        return None if full or not self._window else (self._window[0].admitted or 0.0) + WINDOW

    def _waits(self, client: Hashable) -> bool:
        return any(ticket.client == client for ticket in self._waiting)

    def _go(self, ticket: Ticket, now: float) -> None:
        self._waiting.remove(ticket)
        ticket.admitted = now
        self._inside += 1
        self._numbers += 1
        self._served[ticket.client] = ticket.number = self._numbers
        self._window.append(ticket)

    def _fits(self, ticket: Ticket) -> bool:
        rate = self.rate
        if rate.concurrency is not None and self._inside >= rate.concurrency:
            return False
        if rate.requests is not None and len(self._window) >= rate.requests:
            return False
        # A request that is larger than the whole grant goes when nothing else was booked.
        booked = sum(one.tokens for one in self._window) if rate.tokens is not None else 0
        return rate.tokens is None or booked == 0 or booked + ticket.tokens <= rate.tokens


class RateLimiter:
    """A turnstile with a clock, for the tasks of one event loop."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._clock = clock
        self._turnstile = Turnstile(rate)
        self._going: dict[Ticket, asyncio.Event] = {}
        self._alarm: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def admitted(self, client: Hashable, tokens: int) -> AsyncIterator[Ticket]:
        """Waits for the turn of ``client`` with a request of about ``tokens``, and holds it."""
        ticket = self._turnstile.join(client, tokens)
        going = self._going[ticket] = asyncio.Event()
        try:
            self._turn()
            await going.wait()
            yield ticket
        finally:
            self._going.pop(ticket, None)
            self._turnstile.leave(ticket)
            self._turn()

    def settle(self, ticket: Ticket, tokens: int) -> None:
        """What a request did cost."""
        self._turnstile.settle(ticket, tokens)

    def pause(self, seconds: float) -> None:
        """Lets nobody go for ``seconds``: the endpoint asked for it."""
        self._turnstile.pause(self._clock() + seconds)

    def _turn(self) -> None:
        for ticket in self._turnstile.admit(self._clock()):
            self._going.pop(ticket).set()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        now = self._clock()
        opens = self._turnstile.opens(now)
        if opens is not None:
            self._alarm = asyncio.get_running_loop().call_later(max(opens - now, 0.001), self._turn)
