"""What every model API is to the door, and the strict reading that they share."""

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from sandbox.http import Refused, Response
from sandbox.models.base import ChatReply, Dialect, Message, Piece, Tool, ToolChoice

#: The one model's name where the API must name one and the request did not.
MODEL_NAME: Final = "model"
_NAME_CHARS: Final = 200
_TEXT: Final = {"text": "text"}
_DELTA_CHARS: Final = 256
#: Opening brackets in a body, those inside text included. 4 MiB of nothing else took 0.4 s and
#: 100 MiB to parse, on the loop that all episodes share; 4 MiB of numbers took 0.2 s.
_BRACKETS: Final = 200_000
_COMMAS: Final = 500_000
#: Messages of a conversation, and parts of one content.
MESSAGES: Final = 10_000
_PARTS: Final = 1_000


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


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


#: A key that stands twice counts as written last: only what was read goes on to the record and the model.
_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)


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


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``.

    Raises:
        Refused: 400 ``invalid_json`` or ``too_many_values``.
    """
    if body.count(b"[") + body.count(b"{") > _BRACKETS or body.count(b",") > _COMMAS:
        told = f"a body may have {_BRACKETS} brackets and {_COMMAS} commas"
        raise Refused(400, "too_many_values", told, retry=False)
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    # ValueError: bad UTF-8, bad JSON, numbers of thousands of digits. RecursionError: deep nesting.
    except (ValueError, RecursionError):
        raise Refused(400, "invalid_json", "the body is not JSON in UTF-8", retry=False) from None
    if not isinstance(value, dict):
        raise Refused(400, "invalid_json", "the body is not a JSON object", retry=False)
    return value


def invalid(field: str, needs: str) -> Refused:
    """400 ``invalid_request``: ``field`` is not what it needs to be."""
    return Refused(400, "invalid_request", f"{field} must be {needs}", retry=False)


def tools_unsupported() -> Refused:
    """400 ``tools_unsupported``: the conversation holds tool calls, which the model cannot read."""
    return Refused(400, "tools_unsupported", "tool calls and tool results are not supported", retry=False)


def role_and_content(message: Any) -> tuple[str, Any]:
    """A message's role and its content, unread."""
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise invalid("each message", "an object with a role")
    return message["role"], message.get("content")


def message_list(value: Mapping[str, Any]) -> list[Any]:
    """The request's messages, at least one."""
    return bounded_list(value.get("messages"), "messages", MESSAGES)


def bounded_list(found: Any, field: str, most: int) -> list[Any]:
    """A list of at least one and at most ``most`` entries.

    Raises:
        Refused: 400 ``invalid_request`` or ``too_many_values``.
    """
    if not isinstance(found, list) or not found:
        raise invalid(field, "a list of at least one entry")
    if len(found) > most:
        raise Refused(400, "too_many_values", f"{field} may have {most} entries", retry=False)
    return found


def text_of(content: Any, parts: Mapping[str, str] = _TEXT) -> str:
    """The text of a message's content: a string, or a list of text parts, joined by line ends.

    Args:
        content: hostile.
        parts: types of part that are text, and the field of each that holds it.

    Raises:
        Refused: 400 ``invalid_request`` or ``content_unsupported``.
    """
    if isinstance(content, str):
        return sayable(content)
    if not isinstance(content, list):
        raise invalid("content", "a string or a list of text parts")
    if len(content) > _PARTS:
        raise Refused(400, "too_many_values", f"a content may have {_PARTS} parts", retry=False)
    return "\n".join(_part(part, parts) for part in content)


def _part(part: Any, parts: Mapping[str, str]) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str) or kind not in parts:
        raise Refused(400, "content_unsupported", "only text parts are supported", retry=False)
    text = part.get(parts[kind])
    if not isinstance(text, str):
        raise invalid("a text part", "an object with a text")
    return sayable(text)


def sayable(text: str) -> str:
    """``text`` without lone surrogates, which JSON can spell and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def model_name(value: Mapping[str, Any]) -> str:
    """The model that was asked for, cut."""
    name = value.get("model", MODEL_NAME)
    if not isinstance(name, str):
        raise invalid("model", "a string")
    return sayable(name[:_NAME_CHARS])


def flag(value: Mapping[str, Any], field: str) -> bool:
    """A boolean that may be absent or null."""
    found = value.get(field)
    if found is not None and not isinstance(found, bool):
        raise invalid(field, "true or false")
    return bool(found)


def token_cap(value: Mapping[str, Any], field: str) -> int | None:
    """A positive number of tokens that may be absent or null."""
    found = value.get(field)
    if found is not None and (type(found) is not int or found < 1):
        raise invalid(field, "a whole number above zero")
    return found


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
