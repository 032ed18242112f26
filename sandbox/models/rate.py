"""A rate limit that many episodes share, and share fairly: who may go, as a function of time alone.

In any window of 60 seconds no more requests begin, and no more tokens are booked, than the rate
grants. Of the episodes that wait, the one that was admitted the longest ago goes first, so an
episode that asks often does not eat the share of one that asks seldom.
"""

from collections.abc import Container, Hashable
from dataclasses import dataclass, field
from typing import Any, Final

#: Seconds over which requests and tokens are counted.
WINDOW: Final = 60.0
#: Requests that are over and began within this many seconds of each other are remembered as one sum.
_GRAIN: Final = 0.1
#: Clients whose latest admission is remembered; whoever was forgotten was served longer ago.
_CLIENTS: Final = 1000


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
    #: The process that holds it, and the ticket's name there.
    owner: str = ""
    name: int = 0
    admitted: float | None = None


@dataclass(slots=True)
class Turnstile:
    """Who may go. It has no clock and no task of its own, and can be stored between two uses."""

    rate: Rate
    #: Nobody goes before.
    paused_until: float = 0.0
    #: Waiting or admitted, and not over.
    tickets: list[Ticket] = field(default_factory=list)
    _numbers: int = 0
    #: What is over: when the latest of them began, how many began, tokens booked; in order of beginning.
    _past: list[tuple[float, int, int]] = field(default_factory=list)
    #: Client -> number of its latest admission.
    _served: dict[Hashable, int] = field(default_factory=dict)

    def join(self, client: Hashable, tokens: int, owner: str = "", name: int = 0) -> Ticket:
        """Queues a request of ``client`` that will cost about ``tokens``."""
        self._numbers += 1
        ticket = Ticket(client, tokens, self._numbers, owner, name)
        self.tickets.append(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """``ticket`` gives up waiting, or its request is over."""
        self.tickets.remove(ticket)
        if ticket.admitted is not None:
            self._remember(ticket.admitted, ticket.tokens)

    def settle(self, ticket: Ticket, tokens: int) -> None:
        """What an admitted request did cost."""
        ticket.tokens = tokens

    def pause(self, until: float) -> None:
        """Lets nobody go before ``until``; a longer pause is not shortened."""
        self.paused_until = max(self.paused_until, until)

    def keep_only(self, owners: Container[str]) -> None:
        """Lets go what processes held that are no more."""
        for ticket in [one for one in self.tickets if one.owner not in owners]:
            self.leave(ticket)

    def admit(self, now: float) -> list[Ticket]:
        """Lets go everybody who may go at ``now``, in order."""
        self._past = [sums for sums in self._past if now < sums[0] + WINDOW]
        waiting = [ticket for ticket in self.tickets if ticket.admitted is None]
        gone: list[Ticket] = []
        while waiting and now >= self.paused_until:
            ticket = min(waiting, key=lambda one: (self._served.get(one.client, 0), one.number))
            if not self._fits(ticket, now):
                break
            waiting.remove(ticket)
            self._go(ticket, now)
            gone.append(ticket)
        return gone

    def opens(self, now: float) -> float | None:
        """When somebody who waits may be able to go; None: nobody waits, or only ``leave`` can tell."""
        if all(ticket.admitted is not None for ticket in self.tickets):
            return None
        if now < self.paused_until:
            return self.paused_until
        inside = self._inside()
        full = self.rate.concurrency is not None and len(inside) >= self.rate.concurrency
        began = [sums[0] for sums in self._past] + [began for began, _ in inside if now < began + WINDOW]
        return None if full or not began else min(began) + WINDOW

    def as_json(self) -> list[Any]:
        """All but the rate, to be read by ``from_json``."""
        tickets = [[t.client, t.tokens, t.number, t.owner, t.name, t.admitted] for t in self.tickets]
        return [self.paused_until, self._numbers, tickets, self._past, list(self._served.items())]

    @classmethod
    def from_json(cls, rate: Rate, value: list[Any]) -> "Turnstile":
        """What ``as_json`` gave.

        Raises:
            ValueError, TypeError: it is something else.
        """
        paused, numbers, tickets, past, served = value
        sums = [(began, requests, tokens) for began, requests, tokens in past]
        return cls(rate, paused, [Ticket(*one) for one in tickets], numbers, sums, dict(served))

    def _inside(self) -> list[tuple[float, int]]:
        """When each request that is admitted and not over began, and its tokens."""
        return [(one.admitted, one.tokens) for one in self.tickets if one.admitted is not None]

    def _remember(self, began: float, tokens: int) -> None:
        if self.rate.requests is None and self.rate.tokens is None:
            return
        self._past.append((began, 1, tokens))
        self._past.sort()
        merged = self._past[:1]
        for sums in self._past[1:]:
            last = merged[-1]
            if int(sums[0] / _GRAIN) == int(last[0] / _GRAIN):
                merged[-1] = (sums[0], last[1] + sums[1], last[2] + sums[2])
            else:
                merged.append(sums)
        self._past = merged

    def _go(self, ticket: Ticket, now: float) -> None:
        ticket.admitted = now
        self._numbers += 1
        self._served.pop(ticket.client, None)
        self._served[ticket.client] = ticket.number = self._numbers
        if len(self._served) > _CLIENTS:
            del self._served[next(iter(self._served))]

    def _fits(self, ticket: Ticket, now: float) -> bool:
        rate, inside = self.rate, self._inside()
        if rate.concurrency is not None and len(inside) >= rate.concurrency:
            return False
        window = [tokens for began, tokens in inside if now < began + WINDOW]
        if rate.requests is not None and len(window) + sum(one[1] for one in self._past) >= rate.requests:
            return False
        # A request that is larger than the whole grant goes when nothing else was booked.
        booked = sum(window) + sum(one[2] for one in self._past)
        return rate.tokens is None or booked == 0 or booked + ticket.tokens <= rate.tokens
