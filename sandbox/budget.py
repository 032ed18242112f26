"""What an episode may still ask of its model: turns and tokens, counted where no agent can reach."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RanOut:
    """The limit that ran out, by its name in ``Limits``, with what was granted and used of it."""

    limit: str
    granted: int
    used: int


class Budget:
    """Model calls and model tokens (in + out) of one episode.

    A call is refused when nothing is left before it. A call that overruns the tokens is answered:
    what it costs is known only afterwards. ``ran_out`` says from then on which limit it was and is
    what an episode's status goes by; ``exhausted`` is set when a call is refused for it, which is
    what the scaffold is told and when its time to finish begins.
    """

    def __init__(self, turns: int, model_tokens: int) -> None:
        self.turns = turns
        self.model_tokens = model_tokens
        self.turns_used = 0
        self.tokens_in = 0
        self.tokens_out = 0
        self.ran_out: RanOut | None = None
        self.exhausted = asyncio.Event()

    @property
    def tokens_used(self) -> int:
        """Tokens in and out so far."""
        return self.tokens_in + self.tokens_out

    def admit(self) -> int | None:
        """The number, from 1, of a call that may be made now; None if the budget is gone."""
        if self.ran_out is None:
            if self.turns_used >= self.turns:
                self.ran_out = RanOut("turns", self.turns, self.turns_used)
            elif self.tokens_used >= self.model_tokens:
                self.ran_out = RanOut("model_tokens", self.model_tokens, self.tokens_used)
        if self.ran_out is not None:
            self.exhausted.set()
            return None
        self.turns_used += 1
        return self.turns_used

    def charge(self, tokens_in: int, tokens_out: int) -> None:
        """Books the tokens of a call that was answered."""
        self.tokens_in += tokens_in
        self.tokens_out += tokens_out
        if self.tokens_used > self.model_tokens and self.ran_out is None:
            self.ran_out = RanOut("model_tokens", self.model_tokens, self.tokens_used)
