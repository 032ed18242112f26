"""The Anthropic messages API: https://docs.anthropic.com/en/api/messages"""

import json
from collections.abc import Iterable
from typing import Any, Final

from sandbox.apis.base import (
    MODEL_NAME,
    Call,
    deltas,
    document,
    encode,
    error_response,
    event_stream,
    flag,
    invalid,
    message_list,
    model_name,
    role_and_content,
    text_of,
    token_cap,
    tools_unsupported,
)
from sandbox.apis.tools import arguments_object, choice, objects, sendable, text_field, tool
from sandbox.http import Refused, Response
from sandbox.models.base import ChatReply, Dialect, Message, ToolCall, ToolChoice

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
        head = {"id": f"msg_{turn}", "type": "message", "role": "assistant", "model": call.model}
        stop = "refusal" if reply.refused else _STOP_REASONS[reply.finish]
        if call.stream:
            return event_stream(_events(head, reply, stop))
        usage = {"input_tokens": reply.tokens_in, "output_tokens": reply.tokens_out}
        content = [_whole(block) for block in _blocks(reply)]
        return document(
            {**head, "content": content, "stop_reason": stop, "stop_sequence": None, "usage": usage}
        )

    def refusal(self, refused: Refused) -> Response:
        """``{"type": "error", "error": {type, message}}``; the reason opens the message."""
        kind = "api_error" if refused.status >= 500 else "invalid_request_error"
        kind = _ERROR_TYPES.get(refused.status, kind)
        if refused.reason == "budget_exhausted":
            kind = refused.reason
        error = {"type": kind, "message": f"{refused.reason}: {refused.message}"}
        return error_response(refused, {"type": "error", "error": error})

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


def _blocks(reply: ChatReply) -> list[tuple[dict[str, Any], str]]:
    """The reply's content blocks as a stream opens them, each with the text that fills it."""
    text: list[tuple[dict[str, Any], str]] = [({"type": "text", "text": ""}, reply.text)]
    calls: list[tuple[dict[str, Any], str]] = [
        (
            {"type": "tool_use", "id": call.id, "name": call.name, "input": {}},
            encode(arguments_object(call)).decode("ascii"),
        )
        for call in reply.tool_calls
    ]
    return calls if calls and not reply.text else text + calls


def _whole(block: tuple[dict[str, Any], str]) -> dict[str, Any]:
    head, filling = block
    return {**head, "text": filling} if head["type"] == "text" else {**head, "input": json.loads(filling)}


def _events(head: dict[str, Any], reply: ChatReply, stop: str) -> list[bytes]:
    usage = {"input_tokens": reply.tokens_in, "output_tokens": 0}
    message = {**head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    events = [_event("message_start", message=message)]
    for index, (block, filling) in enumerate(_blocks(reply)):
        events.append(_event("content_block_start", index=index, content_block=block))
        if index == 0:
            events.append(_event("ping"))
        is_text = block["type"] == "text"
        kind, field = ("text_delta", "text") if is_text else ("input_json_delta", "partial_json")
        events += [
            _event("content_block_delta", index=index, delta={"type": kind, field: piece})
            for piece in deltas(filling)
        ]
        events.append(_event("content_block_stop", index=index))
    end = {"stop_reason": stop, "stop_sequence": None}
    events.append(_event("message_delta", delta=end, usage={"output_tokens": reply.tokens_out}))
    return [*events, _event("message_stop")]


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: ".encode() + encode({"type": kind, **fields}) + b"\n\n"
