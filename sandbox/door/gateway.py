"""The model behind the door: one call at a time, budgeted, held for the scaffold's manifest, recorded."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.canonical import canonical, digest
from sandbox.door.apis.base import Api, Call, coming_events
from sandbox.door.apis.reading import parse_object
from sandbox.door.budget import Budget
from sandbox.door.relay import Answering, Relay
from sandbox.errors import ModelFault, ModelRefusal
from sandbox.event_log import FIELD_BYTES
from sandbox.http import Address, Refused, Response, unavailable
from sandbox.models.base import ChatReply, ChatRequest, HostWait, Model

#: Calls that may wait for the one being answered.
_QUEUE: Final = 8
#: Bytes above which a body is read in a thread: many small values take so long that others must have
#: their turns meanwhile.
_LARGE: Final = 64 * 2**10


@dataclass(slots=True)
class Gateway:
    """Passes model calls of one episode on."""

    model: Model
    budget: Budget
    #: The episode's sampling; an agent can only lower its ``max_tokens``.
    sampling: Mapping[str, Any]
    #: Writes an event of source ``gateway``: kind, data.
    record: Callable[[str, dict[str, Any]], None]
    #: Awaited while a call is held unanswered; given the caller's end of its connection.
    hold: Callable[[Address | None], Awaitable[None]] | None
    #: Set by the door after a failure of the host: no call goes through any more.
    faulted: asyncio.Event
    #: Takes a failure of the host in an answer that nobody waits for.
    fail: Callable[[Exception], None]
    #: Keeps a content that an event carries only in part, under its digest.
    keep: Callable[[bytes], None]
    #: What the episode waited for on the host's side.
    wait: HostWait = field(default_factory=HostWait)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    _one_large: asyncio.Lock = field(default_factory=asyncio.Lock)
    _waiting: int = 0
    _limit_told: bool = False
    _finished: bool = False
    _streams: set[Answering] = field(default_factory=set)

    async def call(self, api: Api, body: bytes, client: Address | None) -> Response:
        """Answers one model call, of ``client``, in the form of ``api``.

        Raises:
            Refused: 400 for what is asked, 429 ``busy`` or ``budget_exhausted``, 503.
            ModelFault: the provider failed.
        """
        if len(body) > _LARGE:
            # One at a time: read, a body can take some twenty times its bytes.
            async with self._one_large:
                call = await asyncio.to_thread(self._read, api, body)
        else:
            call = self._read(api, body)
        if self._waiting > _QUEUE:
            raise Refused(429, "busy", f"{_QUEUE} calls are waiting already")
        self._waiting += 1
        if call.stream:
            return await self._streamed(api, call, client)
        try:
            turn, reply = await self._answered(api, call, client, None)
        finally:
            self._waiting -= 1
        return api.reply(call, reply, turn)

    async def finish(self) -> None:
        """Admits no further call and ends the one at hand; what was passed on of it is recorded."""
        self._finished = True
        for task in list(self._streams):
            task.cancel()
        await asyncio.gather(*self._streams, return_exceptions=True)

    async def _streamed(self, api: Api, call: Call, client: Address | None) -> Response:
        """Passes an answer on while it comes. It is charged and recorded whole, whether or not the client
        stays for it; until its first piece has come it can still be a refusal."""
        relay = Relay()
        answering = asyncio.create_task(self._answered(api, call, client, relay))
        self._streams.add(answering)
        answering.add_done_callback(self._ended)
        try:
            await relay.begun(answering)
        except asyncio.CancelledError:
            answering.cancel()
            raise
        if not relay.pieces:
            turn, reply = await answering
            return api.reply(call, reply, turn)
        return coming_events(relay.events(api.stream(call, relay.turn), answering))

    def _ended(self, answering: Answering) -> None:
        self._waiting -= 1
        self._streams.discard(answering)
        error = None if answering.cancelled() else answering.exception()
        # A client that is told of a refusal may have gone; a fault of the host's is the episode's.
        if isinstance(error, Exception) and not isinstance(error, Refused):
            self.fail(error)

    async def _answered(
        self, api: Api, call: Call, client: Address | None, relay: Relay | None
    ) -> tuple[int, ChatReply]:
        """Its turn and its reply, once those before it are answered."""
        async with self._one_at_a_time:
            if self.faulted.is_set() or self._finished:
                raise unavailable()
            turn = self._admit()
            self._tell_call(turn, api, call)
            if self.hold is not None:
                await self.hold(client)
            return turn, await self._complete(turn, call, relay)

    def _read(self, api: Api, body: bytes) -> Call:
        call = api.parse(parse_object(body), tools=bool(self.model.tools))
        if call.holds_tools and api.dialect not in self.model.tools:
            told = f"this model takes tools only through the API of {', '.join(self.model.tools)}"
            raise Refused(400, "tools_across_apis", told, retry=False)
        return call

    def _admit(self) -> int:
        turn = self.budget.admit()
        self._tell_limit()
        if turn is None:
            raise Refused(429, "budget_exhausted", "the granted model budget is used up", retry=False)
        return turn

    def _tell_limit(self) -> None:
        """Records the limit that ran out, once."""
        ran_out = self.budget.ran_out
        if ran_out is not None and not self._limit_told:
            self._limit_told = True
            self.record("limit", {"limit": ran_out.limit, "granted": ran_out.granted, "used": ran_out.used})

    def _tell_call(self, turn: int, api: Api, call: Call) -> None:
        self.record("model.call", {
            "turn": turn, "api": api.name, "model": call.model, "messages": len(call.messages),
            "last": call.messages[-1].content, "stream": call.stream,
            "digest": digest([message.as_json() for message in call.messages]),
            "tools": [tool.name for tool in call.tools],
        })  # fmt: skip

    async def _complete(self, turn: int, call: Call, relay: Relay | None) -> ChatReply:
        began = time.monotonic()
        hear = None if relay is None else relay.listener(turn)
        sampling = self._sampling(call)
        request = ChatRequest(call.messages, sampling, call.tools, call.tool_choice, hear, self.wait)
        try:
            reply = await self.model.complete(request)
        except (Exception, asyncio.CancelledError) as error:
            if relay is not None and relay.pieces:
                self._book(turn, request, relay.cut(), began)
            if isinstance(error, asyncio.CancelledError):
                raise
            raise self._judged(turn, error) from error
        self._book(turn, request, reply, began)
        return reply

    def _judged(self, turn: int, error: Exception) -> Exception:
        """What the door is to make of what ended a call; recorded."""
        if isinstance(error, ModelRefusal):
            data = {"turn": turn, "reason": error.reason, "message": error.message}
            self.record("model.unanswerable", {**data, "detail": error.detail})
            return Refused(400, error.reason, error.message, retry=False)
        # The text of an unforeseen error may hold a key or a header: only its type is told.
        told = f"the provider raised {type(error).__name__}"
        fault = error if isinstance(error, ModelFault) else ModelFault(told)
        self.record("model.fault", {"reason": str(fault)})
        return fault

    def _book(self, turn: int, request: ChatRequest, reply: ChatReply, began: float) -> None:
        """Charges and records a reply, whole or cut."""
        counted = reply.tokens_in is not None and reply.tokens_out is not None
        self.budget.charge(
            reply.tokens_in, reply.tokens_out, most=(0, 0) if counted else _most(request, reply)
        )
        self._tell_reply(turn, reply, round((time.monotonic() - began) * 1000))
        self._tell_limit()

    def _tell_reply(self, turn: int, reply: ChatReply, ms: int) -> None:
        calls = [[call.id, call.name, call.arguments] for call in reply.tool_calls]
        for text in (reply.text, *(call.arguments for call in reply.tool_calls)):
            raw = text.encode("utf-8", "replace")
            if len(raw) > FIELD_BYTES:
                self.keep(raw)
        self.record("model.reply", {
            "turn": turn, "text": reply.text, "tokens_in": reply.tokens_in, "tokens_out": reply.tokens_out,
            "finish": reply.finish, "ms": ms, "refused": reply.refused, "calls": calls,
            "notes": dict(reply.notes),
        })  # fmt: skip

    def _sampling(self, call: Call) -> dict[str, Any]:
        sampling = dict(self.sampling)
        caps = [cap for cap in (call.max_tokens, sampling.get("max_tokens")) if cap is not None]
        return {**sampling, "max_tokens": min(caps)} if caps else sampling


def _most(request: ChatRequest, reply: ChatReply) -> tuple[int, int]:
    """What a call can have cost, in and out, where nobody counted: a token is a byte at least."""
    offered = [[tool.name, tool.description, tool.parameters] for tool in request.tools]
    asked = len(canonical([[message.as_json() for message in request.messages], offered]))
    said = len(canonical([reply.text, [[call.name, call.arguments] for call in reply.tool_calls]]))
    return asked, request.sampling.get("max_tokens", said)
