"""What an episode may still ask of its model: turns, tokens and money, counted where no agent can reach."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RanOut:
    """The limit that ran out, by its name in ``Limits``, with what was granted and used of it."""

    limit: str
    granted: float
    used: float


@dataclass(frozen=True, slots=True)
class Price:
    """What a model's tokens cost, in one currency that the config leaves unnamed."""

    #: For a million tokens in, and for a million out.
    input: float
    output: float
    #: What one episode may cost; None: no bound.
    cap: float | None = None

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """The cost of so many tokens."""
        return (tokens_in * self.input + tokens_out * self.output) / 1e6


class Budget:
    """Model calls, model tokens (in + out) and their cost in one episode.

    A call is refused when nothing is left before it. A call that overruns tokens or cost is answered:
    what it takes is known only afterwards. ``ran_out`` says from then on which limit it was and is
    what an episode's status goes by; ``exhausted`` is set when a call is refused for it, which is
    what the scaffold is told and when its time to finish begins.
    """

    def __init__(self, turns: int, model_tokens: int, price: Price | None = None) -> None:
        self.turns = turns
        self.model_tokens = model_tokens
        self.price = price
        self.turns_used = 0
        #: As the provider reported them; None from the first call on for which it reported none.
        self.tokens_in: int | None = 0
        self.tokens_out: int | None = 0
        #: Tokens in and out that were booked against the grant, and their cost (0 without a price).
        self.tokens_used = 0
        self.spent = 0.0
        self.ran_out: RanOut | None = None
        self.exhausted = asyncio.Event()

    @property
    def cost(self) -> float | None:
        """What the reported tokens cost; None without a price, or where a call's tokens were not reported."""
        if self.price is None or self.tokens_in is None or self.tokens_out is None:
            return None
        return round(self.price.of(self.tokens_in, self.tokens_out), 9)

    def admit(self) -> int | None:
        """The number, from 1, of a call that may be made now; None if the budget is gone."""
        if self.ran_out is None:
            if self.turns_used >= self.turns:
                self.ran_out = RanOut("turns", self.turns, self.turns_used)
            elif self.tokens_used >= self.model_tokens:
                self.ran_out = RanOut("model_tokens", self.model_tokens, self.tokens_used)
            elif self._cap is not None and self.spent >= self._cap:
                self.ran_out = RanOut("cost", self._cap, self.spent)
        if self.ran_out is not None:
            self.exhausted.set()
            return None
        self.turns_used += 1
        return self.turns_used

    def charge(self, tokens_in: int | None, tokens_out: int | None, *, most: tuple[int, int]) -> None:
        """Books the tokens of a call that was answered.

        Args:
            tokens_in: reported by the provider; None: not reported.
            tokens_out: likewise.
            most: what in and out can have been at most, booked where nothing was reported: a grant
                is not stretched by a server that does not count.
        """
        self.tokens_in = _sum(self.tokens_in, tokens_in)
        self.tokens_out = _sum(self.tokens_out, tokens_out)
        booked_in = most[0] if tokens_in is None else tokens_in
        booked_out = most[1] if tokens_out is None else tokens_out
        self.tokens_used += booked_in + booked_out
        if self.price is not None:
            self.spent = round(self.spent + self.price.of(booked_in, booked_out), 9)
        if self.ran_out is not None:
            return
        if self.tokens_used > self.model_tokens:
            self.ran_out = RanOut("model_tokens", self.model_tokens, self.tokens_used)
        elif self._cap is not None and self.spent > self._cap:
            self.ran_out = RanOut("cost", self._cap, self.spent)

    @property
    def _cap(self) -> float | None:
        return None if self.price is None else self.price.cap


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
