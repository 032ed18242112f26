"""The OpenAI chat completions API as its client writes and reads it.

https://platform.openai.com/docs/api-reference/chat
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from sandbox.models.base import ChatReply, ChatRequest, Message, Tool, ToolCall, ToolChoice

_FINISHES: Final = {"length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls"}
#: How vLLM, llama.cpp, vendors and routers say it; some with status 500, some even with 200.
_OVERFLOW = re.compile(
    r"context_length_exceeded|exceed_context_size|context (length|size|window)|prompt is too long", re.I
)
_DETAIL_CHARS: Final = 300
_NAME_CHARS: Final = 256
_CALLS: Final = 128


class Garbage(Exception):
    """An answer that is not a chat completion. Its text says what is wrong with it."""


def request_body(model: str, request: ChatRequest) -> bytes:
    """The body of ``POST chat/completions``; streaming is the door's own affair."""
    body: dict[str, Any] = {"model": model, "messages": [_message(one) for one in request.messages]}
    body |= request.sampling
    if request.tools:
        body["tools"] = [_tool(one) for one in request.tools]
        if request.tool_choice is not None:
            body["tool_choice"] = _choice(request.tool_choice)
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii")


def _message(message: Message) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_call_id is not None:
        written["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        written["content"] = message.content or None
        written["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    return written


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": {k: v for k, v in function.items() if v is not None}}


def _choice(choice: ToolChoice) -> Any:
    return choice.mode if choice.name is None else {"type": "function", "function": {"name": choice.name}}


def read_reply(body: bytes) -> ChatReply:
    """The reply in the body of an answer with status 200.

    Raises:
        Garbage: it is no whole chat completion.
    """
    value = _json(body)
    choices = value.get("choices") if isinstance(value, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(value, dict) or not isinstance(choice, dict) or not isinstance(message, dict):
        raise Garbage("no chat completion")
    content, refusal = message.get("content"), message.get("refusal")
    if not isinstance(content, str | None) or not isinstance(refusal, str | None):
        raise Garbage("a content that is no text")
    calls = _calls(message.get("tool_calls"))
    finish = choice.get("finish_reason")
    usage = value.get("usage")
    served = value.get("model")
    return ChatReply(
        text=_sayable(content or refusal or ""),
        tokens_in=_count(usage, "prompt_tokens"),
        tokens_out=_count(usage, "completion_tokens"),
        finish="tool_calls" if calls and finish == "stop" else _FINISHES.get(str(finish), "stop"),
        refused=bool(refusal) or finish == "content_filter",
        tool_calls=calls,
        notes={"served": _sayable(served[:_NAME_CHARS])} if isinstance(served, str) else {},
    )


def _calls(value: Any) -> tuple[ToolCall, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _CALLS:
        raise Garbage("tool calls that are no list")
    return tuple(_call(index, call) for index, call in enumerate(value))


def _call(index: int, value: Any) -> ToolCall:
    function = value.get("function") if isinstance(value, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str) or not 0 < len(name) <= _NAME_CHARS:
        raise Garbage("a tool call without a function")
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments if arguments is not None else {})
    # Some servers leave the id out; within one reply a number is enough.
    given = value.get("id")
    known = isinstance(given, str) and 0 < len(given) <= _NAME_CHARS
    return ToolCall(_sayable(given) if known else f"call_{index}", _sayable(name), _sayable(arguments))


def _count(usage: Any, field: str) -> int | None:
    found = usage.get(field) if isinstance(usage, dict) else None
    return found if type(found) is int and found >= 0 else None


def error_text(body: bytes) -> str:
    """What an error document says, cut; empty if it is none."""
    try:
        value = _json(body)
    except Garbage:
        return ""
    error = value.get("error", value) if isinstance(value, dict) else value
    if isinstance(error, Mapping):
        error = " ".join(str(error[field]) for field in ("type", "code", "message") if error.get(field))
    return _sayable(error[:_DETAIL_CHARS]) if isinstance(error, str) else ""


def is_overflow(text: str) -> bool:
    """Whether an error's text says that the conversation is longer than the model's context."""
    return _OVERFLOW.search(text) is not None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Garbage("no JSON") from None


def _sayable(text: str) -> str:
    """``text`` without lone surrogates, which JSON can spell and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")
