"""Any server that speaks a vendor's API: retried, rate-limited and judged on the host."""

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

from sandbox.canonical import digest
from sandbox.errors import ModelFault, ModelRefusal
from sandbox.models.anthropic_wire import ANTHROPIC
from sandbox.models.base import ChatReply, ChatRequest, Dialect, Message
from sandbox.models.endpoint import Answer, Endpoint, Hear, Unanswered
from sandbox.models.openai_wire import OPENAI
from sandbox.models.rate import Rate
from sandbox.models.stream import Hearing, StreamError
from sandbox.models.wire import Garbage, Wire, error_text, is_overflow, read_json

#: The providers that are served, by their names in a config.
WIRES: Final[Mapping[str, Wire]] = {wire.name: wire for wire in (OPENAI, ANTHROPIC)}
_OK: Final = 200
_RATE_LIMITED: Final = 429
_BROKEN: Final = 500
#: Refused for what it says, and never answered however often it is asked.
_REJECTED: Final = frozenset({400, 413, 422})
#: Besides 5xx: time-out, conflict, too early, rate limit.
_TRANSIENT: Final = frozenset({408, 409, 425, _RATE_LIMITED})
#: For the rate limit, until the server says how many tokens a request was.
_BYTES_PER_TOKEN: Final = 4


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a failing server is borne with. Durations in seconds."""

    tries: int = 6
    #: For one whole answer.
    answer: float = 300.0
    #: Before the second try; doubles from try to try.
    first: float = 0.5
    #: The longest pause, whatever the server asks for.
    longest: float = 60.0
    #: Shares of the pause, from 0 to 1, so that episodes do not come back all at once.
    jitter: Callable[[], float] = random.random

    def pause(self, failures: int) -> float:
        """Before the next try after so many ``failures``: between half of the step and all of it."""
        step = min(self.longest, self.first * 2.0 ** (failures - 1))
        return step * (0.5 + 0.5 * self.jitter())


class _Failed(Exception):
    """One try failed on the host's side; ``final``: another one would as well."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


#: What the agent is told of a conversation that the server does not take.
_REFUSED: Final = "the model cannot take this request"
_TOO_LONG: Final = "the conversation is longer than the model can read"
#: The data of the last event of a stream of OpenAI's.
_DONE: Final = b"[DONE]"
#: Numbers the episodes of this process, which share a rate limit.
_CLIENTS: Final = itertools.count()


class ServedModel:
    """One model behind an endpoint, for one episode.

    Identified by its name alone: an address is where it runs, not what it is.
    """

    def __init__(
        self, endpoint: Endpoint, model: str, patience: Patience | None = None, wire: Wire = OPENAI
    ) -> None:
        self.digest = digest([wire.name, model])
        self.tools: frozenset[Dialect] = frozenset({wire.name})
        self._endpoint, self._model, self._wire = endpoint, model, wire
        self._client = next(_CLIENTS)
        self._patience = patience or Patience()
        self._settings_hold = False

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Answers; bears with rate limits, faults, time-outs, half answers and garbage.

        Raises:
            ModelFault: the server gave no answer, or one that blames the experiment's own settings.
            ModelRefusal: it can never answer this conversation.
        """
        body = self._wire.request_body(self._model, request)
        failures: list[str] = []
        before = request.wait.seconds
        while True:
            try:
                reply = await self._try(request, body)
                break
            except _Failed as failed:
                failures.append(str(failed))
                if failed.final or len(failures) >= self._patience.tries:
                    reply = await self._last(request, body, failures, before)
                    break
            with request.wait.counted():
                await asyncio.sleep(self._patience.pause(len(failures)))
        waited = round((request.wait.seconds - before) * 1000)
        return replace(reply, notes={**reply.notes, "failures": failures, "waited_ms": waited})

    async def _last(self, request: ChatRequest, body: bytes, failures: list[str], before: float) -> ChatReply:
        """After the last try. A server that breaks on this request alone, and is well before and after, is
        the agent's doing: nobody buys another attempt by breaking it, and what was waited beyond ``before``
        was not for the host.

        Raises:
            ModelFault: the server's.
            ModelRefusal: the agent's.
        """
        if set(failures) == {f"answered {_BROKEN}"}:
            broke: ModelRefusal | None = None
            with contextlib.suppress(_Failed), request.wait.counted():
                async with self._endpoint.limiter().admitted(self._client, len(body) // _BYTES_PER_TOKEN):
                    if (await self._ask_one_word(request)).status == _OK:
                        # Whole, even where somebody listens: it is asked to be judged.
                        whole = self._wire.request_body(self._model, replace(request, hear=None))
                        answer = await self._ask(whole)
                        if answer.status != _BROKEN:
                            return await self._judge(request, answer)
                        broke = ModelRefusal("rejected_by_model", _REFUSED, error_text(answer.body))
            if broke is not None:
                request.wait.add(before - request.wait.seconds)
                raise broke
        raise ModelFault(f"{failures[-1]} (try {len(failures)})")

    async def _try(self, request: ChatRequest, body: bytes) -> ChatReply:
        limiter = self._endpoint.limiter()
        expected = len(body) // _BYTES_PER_TOKEN + request.sampling.get("max_tokens", 0)
        async with AsyncExitStack() as held:
            with request.wait.counted():
                ticket = await held.enter_async_context(limiter.admitted(self._client, expected))
            began = time.monotonic()
            try:
                reply = await self._answered(request, body)
            except _Failed:
                request.wait.add(time.monotonic() - began)
                limiter.settle(ticket, 0)
                raise
            if reply.tokens_in is not None and reply.tokens_out is not None:
                limiter.settle(ticket, reply.tokens_in + reply.tokens_out)
            return reply

    async def _answered(self, request: ChatRequest, body: bytes) -> ChatReply:
        if request.hear is None:
            return await self._judge(request, await self._ask(body))
        hearing = Hearing(self._wire.stream_reader(), self._endpoint.key(), request.hear)
        try:
            answer = await self._ask(body, lambda data: _take(hearing, data))
            return hearing.end() if answer.streamed else await self._judge(request, answer)
        except StreamError as error:
            if is_overflow(str(error)):
                raise ModelRefusal("context_overflow", _TOO_LONG, str(error)) from None
            raise _Failed(f"broke off its stream: {error}", final=hearing.began) from None
        except Garbage as garbage:
            raise _Failed(f"answered garbage: {garbage}", final=hearing.began) from None
        except _Failed as failed:
            # What was said cannot be taken back, so it cannot be asked again.
            raise _Failed(str(failed), final=failed.final or hearing.began) from None

    async def _ask(self, body: bytes, hear: Hear | None = None) -> Answer:
        try:
            seconds = self._patience.answer
            return await self._endpoint.ask("POST", self._wire.path, body, seconds=seconds, hear=hear)
        except Unanswered as error:
            raise _Failed(str(error)) from None

    async def _ask_one_word(self, request: ChatRequest) -> Answer:
        """A conversation of one word, with the settings of ``request``."""
        control = ChatRequest((Message("user", "Hi"),), {**request.sampling, "max_tokens": 1})
        return await self._ask(self._wire.request_body(self._model, control))

    async def _judge(self, request: ChatRequest, answer: Answer) -> ChatReply:
        """The reply in ``answer``, or whose fault it is that there is none."""
        if answer.status == _OK:
            try:
                return self._wire.read_reply(answer.body)
            except Garbage as garbage:
                reason = f"answered garbage: {garbage}"
        else:
            reason = f"answered {answer.status}"
        said = error_text(answer.body)
        if answer.status != _RATE_LIMITED and is_overflow(said):
            raise ModelRefusal("context_overflow", _TOO_LONG, said)
        if answer.status in _REJECTED:
            await self._blame(request, answer.status, said)
        if answer.retry_after is not None:
            self._endpoint.limiter().pause(min(answer.retry_after, self._patience.longest))
        raise _Failed(reason, final=not (answer.status == _OK or _is_transient(answer.status)))

    async def _blame(self, request: ChatRequest, status: int, said: str) -> None:
        """Of a rejected request, says whose fault it is: the agent's, if the same settings work on a
        conversation of one word; otherwise the experiment's.

        Raises:
            ModelRefusal: the agent's.
            _Failed: the experiment's, or the server failed meanwhile.
        """
        if not self._settings_hold:
            answer = await self._ask_one_word(request)
            if answer.status in _REJECTED:
                raise _Failed(f"answered {status} to the config's model or sampling: {said}", final=True)
            if answer.status != _OK:
                raise _Failed(f"answered {answer.status}", final=not _is_transient(answer.status))
            self._settings_hold = True
        raise ModelRefusal("rejected_by_model", _REFUSED, said)


def _take(hearing: Hearing, data: bytes) -> None:
    if data != _DONE:
        hearing.take(read_json(data))


def _is_transient(status: int) -> bool:
    return status in _TRANSIENT or status >= 500


def endpoint_of(provider: str, binding: Mapping[str, Any]) -> Endpoint:
    """The endpoint that a checkpoint's binding names: ``base_url``, ``api_key_env``, ``rate``.

    Raises:
        Mistake: ``base_url`` is no address.
    """
    wire, address = WIRES[provider], binding["base_url"].rstrip("/")
    # Anthropic's own clients take the address without the version, OpenAI's with it.
    if wire is ANTHROPIC and not address.endswith("/v1"):
        address += "/v1"
    return Endpoint(address, binding.get("api_key_env"), Rate(**binding.get("rate", {})), wire.headers)


def open_served(provider: str, binding: Mapping[str, Any]) -> ServedModel:
    """The model that a binding names: ``model`` at its endpoint.

    Raises:
        Mistake: ``base_url`` is no address.
    """
    return ServedModel(endpoint_of(provider, binding), binding["model"], wire=WIRES[provider])
