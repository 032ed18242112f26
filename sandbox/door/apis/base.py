"""What every model API is to the door, and the form of its answers."""

import json
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from sandbox.http import Refused, Response
from sandbox.models.base import ChatReply, Dialect, Message, Piece, Tool, ToolChoice

_DELTA_CHARS: Final = 256


@dataclass(frozen=True, slots=True)
class Call:
    """A model call as an API's request asks for it."""

    messages: tuple[Message, ...]
    #: Asked for; recorded and echoed, otherwise ignored.
    model: str
    stream: bool
    #: The agent's own cap on the reply's length, in tokens.
    max_tokens: int | None
    #: A stream is to end with a usage chunk.
    stream_usage: bool = False
    #: Offered; none where the model takes none.
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None

    @property
    def holds_tools(self) -> bool:
        """Whether tools are offered, or were called in the conversation."""
        called = any(one.tool_calls or one.tool_call_id is not None for one in self.messages)
        return called or bool(self.tools)


class Api(Protocol):
    """One model API."""

    #: As ``model.call`` events name it.
    name: str
    #: How it writes tools.
    dialect: Dialect

    def parse(self, value: dict[str, Any], *, tools: bool) -> Call:
        """Reads a request's body.

        Args:
            value: the body.
            tools: whether the model takes tools. If not, offered ones are ignored, and a conversation
                that holds tool calls is refused.

        Raises:
            Refused: 400 with a stable reason.
        """
        ...

    def reply(self, call: Call, reply: ChatReply, turn: int) -> Response:
        """The answer, as one document or as a stream of events, as ``call`` asks."""
        ...

    def stream(self, call: Call, turn: int) -> "ReplyStream":
        """The answer's stream of events, to be made while the answer comes."""
        ...

    def refusal(self, refused: Refused) -> Response:
        """The API's form of error."""
        ...

    def models(self) -> Response:
        """The answer to ``GET /v1/models``."""
        ...


class ReplyStream(Protocol):
    """One answer as server-sent events."""

    def piece(self, piece: Piece) -> list[bytes]:
        """The events of the next piece, with those that open the stream before the first."""
        ...

    def end(self, reply: ChatReply) -> list[bytes]:
        """The events that end the stream of ``reply``, whose pieces were all given."""
        ...

    def broken(self, refused: Refused) -> list[bytes]:
        """The event that says why the stream breaks off."""
        ...


def whole_stream(stream: ReplyStream, reply: ChatReply) -> Response:
    """A finished reply as the stream that would have come."""
    events = [event for piece in _pieces(reply) for event in stream.piece(piece)]
    return event_stream([*events, *stream.end(reply)])


def _pieces(reply: ChatReply) -> Iterator[Piece]:
    first = reply.tokens_in
    for text in deltas(reply.text):
        yield Piece(text=text, refused=reply.refused, tokens_in=first)
    for number, call in enumerate(reply.tool_calls):
        yield Piece(call=number, begun=call, tokens_in=first)
        yield from (Piece(call=number, arguments=part) for part in deltas(call.arguments))


def encode(value: Any) -> bytes:
    """JSON in ASCII, so that no text, not even a lone surrogate, can fail to be sent."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def deltas(text: str) -> list[str]:
    """``text`` in the pieces in which a stream carries it."""
    return [text[i : i + _DELTA_CHARS] for i in range(0, len(text), _DELTA_CHARS)]


def document(value: Any, status: int = 200) -> Response:
    """One JSON document."""
    return Response(status, (encode(value),))


def event_stream(parts: list[bytes]) -> Response:
    """Server-sent events, one a part."""
    return Response(200, tuple(parts), "text/event-stream", (("Cache-Control", "no-cache"),))


def coming_events(events: AsyncGenerator[bytes, None]) -> Response:
    """Server-sent events that are still to come."""
    return replace(event_stream([]), coming=events)


def error_response(refused: Refused, value: Any) -> Response:
    """An error document. ``x-should-retry`` is what both vendors' own clients obey."""
    headers = () if refused.retry else (("x-should-retry", "false"),)
    return Response(refused.status, (encode(value),), headers=headers)
