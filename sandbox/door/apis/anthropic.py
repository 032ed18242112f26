"""The Anthropic messages API: https://docs.anthropic.com/en/api/messages"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from sandbox.door.apis.base import Call, ReplyStream, document, encode, error_response, whole_stream
from sandbox.door.apis.reading import (
    MODEL_NAME,
    flag,
    invalid,
    message_list,
    model_name,
    role_and_content,
    text_of,
    token_cap,
    tools_unsupported,
)
from sandbox.door.apis.tools import arguments_object, choice, objects, sendable, text_field, tool
from sandbox.http import Refused, Response
from sandbox.models.base import ChatReply, Dialect, Message, Piece, ToolCall, ToolChoice

_STOP_REASONS: Final = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_CHOICES: Final = {"auto": ToolChoice("auto"), "none": ToolChoice("none"), "any": ToolChoice("required")}
_ERROR_TYPES: Final = {404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error"}


class Anthropic:
    """``POST /v1/messages``."""

    name = "messages"
    dialect: Dialect = "anthropic"

    def parse(self, value: dict[str, Any], *, tools: bool) -> Call:
        """Reads a request; see ``Api.parse``. Sampling is ignored."""
        system = value.get("system")
        opening = () if system is None else (Message("system", text_of(system)),)
        return Call(
            messages=opening + tuple(one for said in message_list(value) for one in _messages(said, tools)),
            model=model_name(value),
            stream=flag(value, "stream"),
            max_tokens=token_cap(value, "max_tokens"),
            tools=tuple(tool(one, "input_schema") for one in objects(value.get("tools"), "tools"))
            if tools
            else (),
            tool_choice=_tool_choice(value.get("tool_choice")) if tools else None,
        )

    def reply(self, call: Call, reply: ChatReply, turn: int) -> Response:
        """A ``message``, or its stream from ``message_start`` to ``message_stop``."""
        if call.stream:
            calls = tuple(replace(c, arguments=_encoded(c)) for c in reply.tool_calls)
            return whole_stream(_Events(call, turn), replace(reply, tool_calls=calls))
        usage = {"input_tokens": reply.tokens_in, "output_tokens": reply.tokens_out}
        end = {"content": _blocks(reply), "stop_reason": _stop(reply), "stop_sequence": None, "usage": usage}
        return document({**_head(call, turn), **end})

    def stream(self, call: Call, turn: int) -> ReplyStream:
        """See ``Api.stream``."""
        return _Events(call, turn)

    def refusal(self, refused: Refused) -> Response:
        """``{"type": "error", "error": {type, message}}``; the reason opens the message."""
        return error_response(refused, {"type": "error", "error": _error(refused)})

    def models(self) -> Response:
        """A page of the one model."""
        created = "1970-01-01T00:00:00Z"
        model = {"type": "model", "id": MODEL_NAME, "display_name": MODEL_NAME, "created_at": created}
        return document({"data": [model], "has_more": False, "first_id": MODEL_NAME, "last_id": MODEL_NAME})


def _messages(message: Any, tools: bool) -> Iterable[Message]:
    """One message, and before it the tool results that it carries, each as a message of its own."""
    role, content = role_and_content(message)
    if role not in ("user", "assistant"):
        raise invalid("role", "one of user, assistant")
    results, calls, rest = _sorted(content)
    if (results or calls) and not tools:
        raise tools_unsupported()
    if (results and role != "user") or (calls and role != "assistant"):
        raise invalid("role", "user for tool_result and assistant for tool_use")
    yield from (_result(part) for part in results)
    if rest or not results:
        yield Message(role, text_of(rest), tuple(_call(part) for part in calls))


def _sorted(content: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Any]:
    """The tool results and the tool calls of a content, and what is left of it."""
    if not isinstance(content, list):
        return [], [], content
    results: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    rest: list[Any] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        (results if kind == "tool_result" else calls if kind == "tool_use" else rest).append(part)
    return results, calls, rest


def _result(part: dict[str, Any]) -> Message:
    content = part.get("content")
    text = "" if content is None else text_of(content)
    call_id = text_field(part, "tool_use_id", "a tool_result")
    return Message("tool", text, tool_call_id=call_id, tool_failed=flag(part, "is_error"))


def _call(part: dict[str, Any]) -> ToolCall:
    given = part.get("input")
    if not isinstance(given, dict):
        raise invalid("input of a tool_use", "an object")
    name = text_field(part, "name", "a tool_use")
    return ToolCall(text_field(part, "id", "a tool_use"), name, sendable(given, "input of a tool_use"))


def _tool_choice(value: Any) -> ToolChoice | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise invalid("tool_choice", "an object")
    name = value.get("name") if value.get("type") == "tool" else None
    return choice(value.get("type"), name, _CHOICES)


def _head(call: Call, turn: int) -> dict[str, Any]:
    return {"id": f"msg_{turn}", "type": "message", "role": "assistant", "model": call.model}


def _stop(reply: ChatReply) -> str:
    return "refusal" if reply.refused else _STOP_REASONS[reply.finish]


def _error(refused: Refused) -> dict[str, str]:
    kind = "api_error" if refused.status >= 500 else "invalid_request_error"
    kind = _ERROR_TYPES.get(refused.status, kind)
    if refused.reason == "budget_exhausted":
        kind = refused.reason
    return {"type": kind, "message": f"{refused.reason}: {refused.message}"}


def _blocks(reply: ChatReply) -> list[dict[str, Any]]:
    """The reply's content: what was said, unless it only called tools, and each call."""
    calls = [{**_use(call), "input": arguments_object(call)} for call in reply.tool_calls]
    text = [{"type": "text", "text": reply.text}] if reply.text or not calls else []
    return [*text, *calls]


def _encoded(call: ToolCall) -> str:
    return encode(arguments_object(call)).decode("ascii")


def _use(call: ToolCall) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}


class _Events:
    """A stream from ``message_start`` to ``message_stop``, one block after the other."""

    def __init__(self, call: Call, turn: int) -> None:
        self._head = _head(call, turn)
        #: Blocks that were begun, and the call that the last of them is; None: text.
        self._begun = 0
        self._call: int | None = None

    def piece(self, piece: Piece) -> list[bytes]:
        events = self._opening(piece.tokens_in)
        if piece.begun is not None:
            events += self._begin(_use(piece.begun), piece.call)
        elif piece.call is None and (self._begun == 0 or self._call is not None):
            events += self._begin({"type": "text", "text": ""}, None)
        if piece.text:
            events.append(self._delta({"type": "text_delta", "text": piece.text}))
        if piece.arguments:
            events.append(self._delta({"type": "input_json_delta", "partial_json": piece.arguments}))
        return events

    def end(self, reply: ChatReply) -> list[bytes]:
        events = [] if self._begun else self.piece(Piece(tokens_in=reply.tokens_in))
        events += self._finish()
        end = {"stop_reason": _stop(reply), "stop_sequence": None}
        events.append(_event("message_delta", delta=end, usage={"output_tokens": reply.tokens_out}))
        return [*events, _event("message_stop")]

    def broken(self, refused: Refused) -> list[bytes]:
        return [_event("error", error=_error(refused))]

    def _opening(self, tokens_in: int | None) -> list[bytes]:
        if self._begun:
            return []
        usage = {"input_tokens": tokens_in, "output_tokens": 0}
        message = {**self._head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
        return [_event("message_start", message=message)]

    def _begin(self, block: dict[str, Any], call: int | None) -> list[bytes]:
        events = self._finish()
        events.append(_event("content_block_start", index=self._begun, content_block=block))
        if self._begun == 0:
            events.append(_event("ping"))
        self._begun, self._call = self._begun + 1, call
        return events

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _event("content_block_delta", index=self._begun - 1, delta=delta)

    def _finish(self) -> list[bytes]:
        return [_event("content_block_stop", index=self._begun - 1)] if self._begun else []


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: ".encode() + encode({"type": kind, **fields}) + b"\n\n"
