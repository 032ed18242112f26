"""The checkpoints of pocket, and one of them as a model behind the door."""

import asyncio
import io
import random
import re
import zipfile
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sandbox.canonical import digest, sha256
from sandbox.errors import Mistake, ModelFault
from sandbox.models.base import NO_TOOLS, ChatReply, ChatRequest
from sandbox.models.pocket.network import Array, Reading, Weights
from sandbox.models.pocket.tokens import SPECIAL, Tokenizer

HERE = Path(__file__).parent
#: The longest reply, in tokens, whatever the sampling asks for; the rest of the context is for reading.
MAX_TOKENS = 80

_NAME = re.compile(r"step-(\d+)\.npz")


def weights_file(step: int, folder: Path = HERE) -> Path:
    """Where the checkpoint of ``step`` is stored in ``folder``."""
    return folder / f"step-{step:04d}.npz"


def checkpoints() -> list[int]:
    """The training steps that ship, ascending."""
    return sorted(int(found[1]) for path in HERE.iterdir() if (found := _NAME.fullmatch(path.name)))


def load(step: int) -> "Pocket":
    """The shipped checkpoint of training step ``step``.

    Raises:
        Mistake: there is no such checkpoint; the text lists those there are.
        ModelFault: its file cannot be read.
    """
    shipped = checkpoints()
    if step not in shipped:
        choices = ", ".join(map(str, shipped))
        raise Mistake(f"pocket has no step {step}", key="step", remedy=f"choose from {choices}")
    return read(weights_file(step))


@lru_cache(maxsize=32)
def read(path: Path) -> "Pocket":
    """A checkpoint from its file; read once in a process and shared, since it keeps no state.

    Raises:
        ModelFault: the file cannot be read or does not hold a network.
    """
    try:
        data = path.read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = dict(stored)
        tokenizer = Tokenizer([str(piece) for piece in arrays.pop("vocabulary")])
        weights = _weights(arrays)
        if len(weights.embedding) != len(tokenizer.vocabulary):
            raise ValueError("the embedding and the vocabulary differ in length")
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as fault:
        raise ModelFault(f"{path.name} holds no pocket network: {fault}") from fault
    return Pocket(weights, tokenizer, sha256(data))


def _weights(arrays: dict[str, Any]) -> Weights:
    """Builds the network from the arrays of a file, which must be exactly its fields."""
    if set(arrays) != {field.name for field in fields(Weights)}:
        raise ValueError(f"it holds {', '.join(sorted(arrays))}")
    heads, context = int(arrays.pop("heads")), int(arrays.pop("context"))
    parts = {name: array.astype(np.float32) for name, array in arrays.items()}
    weights = Weights(**parts, heads=heads, context=context)
    weights.check()
    return weights


class Pocket:
    """One checkpoint as a `Model`; its digest is the SHA-256 of the weights file.

    Sampling knows ``temperature`` (0, the default, takes the likeliest token) and ``max_tokens`` (80,
    the default, is also the most); other keys mean nothing to it.
    Equal requests get equal replies at any temperature: the seed is the request's own digest.
    Special tokens and ``<unk>`` are never said.
    """

    tools = NO_TOOLS

    def __init__(self, weights: Weights, tokenizer: Tokenizer, digest: str) -> None:
        self.weights, self.tokenizer, self.digest = weights, tokenizer, digest

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answers; computes in a thread so that the event loop stays free.

        Raises:
            Mistake: the sampling asks for what cannot be.
        """
        return await asyncio.to_thread(self.answer, request)

    def answer(self, request: ChatRequest) -> ChatReply:
        """`complete`, in the caller's thread. ``tokens_in`` counts what was read after cutting."""
        temperature, most = _sampling(request.sampling)
        most = min(most, MAX_TOKENS, self.weights.context // 2)
        prompt = self.tokenizer.prompt(request.messages, self.weights.context - most)
        said, finish = self._speak(prompt, most, temperature, self._seed(request))
        return ChatReply(self.tokenizer.decode(said), len(prompt), len(said), finish)

    def _seed(self, request: ChatRequest) -> int:
        messages = [[message.role, message.content] for message in request.messages]
        return int(digest([self.digest, messages, request.sampling]), 16)

    def _speak(self, prompt: list[int], most: int, temperature: float, seed: int) -> tuple[list[int], str]:
        """Token numbers after ``prompt``, and whether they ended by themselves."""
        chance = random.Random(seed)
        reading = Reading(self.weights)
        logits = reading.read(prompt)
        said: list[int] = []
        while True:
            number = self._choose(logits, temperature, chance.random())
            if number == self.tokenizer.end:
                return said, "stop"
            if len(said) == most:
                return said, "length"
            said.append(number)
            logits = reading.read([number])

    def _choose(self, logits: Array, temperature: float, uniform: float) -> int:
        """The likeliest token, or the one at ``uniform`` of the cumulated softmax."""
        silent = [n for n in range(len(SPECIAL)) if n != self.tokenizer.end]
        logits[silent] = -np.inf
        if temperature == 0:
            return int(np.argmax(logits))
        powers = np.exp((logits.astype(np.float64) - logits.max()) / temperature)
        cumulated = np.cumsum(powers)
        chosen = int(np.searchsorted(cumulated, uniform * cumulated[-1], side="right"))
        return min(chosen, len(cumulated) - 1)


def _sampling(sampling: dict[str, Any]) -> tuple[float, int]:
    """Temperature and max_tokens of an experiment's sampling.

    Raises:
        Mistake: one of them is no such number.
    """
    temperature, most = sampling.get("temperature", 0), sampling.get("max_tokens", MAX_TOKENS)
    if (
        isinstance(temperature, bool)
        or not isinstance(temperature, int | float)
        or not 0 <= temperature <= 10
    ):
        raise Mistake("temperature must lie between 0 and 10", key="sampling.temperature")
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise Mistake("max_tokens must be a whole number from 1", key="sampling.max_tokens")
    return float(temperature), most
