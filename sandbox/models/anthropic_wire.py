"""The Anthropic messages API as its client writes and reads it: https://docs.anthropic.com/en/api/messages"""

import json
from typing import Any, Final

from sandbox.models.base import ChatReply, ChatRequest, Message, Tool, ToolCall, ToolChoice
from sandbox.models.wire import (
    MOST_CALLS,
    Garbage,
    Wire,
    count,
    encode_body,
    is_name,
    read_json,
    sayable,
    served,
)

_VERSION: Final = "2023-06-01"
_FINISHES: Final = {
    "max_tokens": "length", "model_context_window_exceeded": "length", "tool_use": "tool_calls",
}  # fmt: skip
_CHOICES: Final = {"required": "any"}
#: Blocks that are not said to anybody.
_THOUGHTS: Final = ("thinking", "redacted_thinking")
_CACHED: Final = ("cache_creation_input_tokens", "cache_read_input_tokens")


def request_body(model: str, request: ChatRequest) -> bytes:
    """The body of ``POST messages``. System messages go to the front, where this API has its place for them."""
    system = [one.content for one in request.messages if one.role == "system"]
    body: dict[str, Any] = {"model": model, "messages": _messages(request.messages)}
    if system:
        body["system"] = "\n\n".join(system)
    body |= request.sampling
    if request.tools:
        body["tools"] = [_tool(one) for one in request.tools]
        if request.tool_choice is not None:
            body["tool_choice"] = _choice(request.tool_choice)
    return encode_body(body)


def _messages(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Results of tools, and what the user says right after them, are one message of the user's."""
    written: list[dict[str, Any]] = []
    answering = False
    for message in messages:
        if message.role == "system":
            continue
        blocks = _blocks(message)
        role = "assistant" if message.role == "assistant" else "user"
        if role == "user" and answering:
            written[-1]["content"] += blocks
        else:
            plain = not message.tool_calls and message.tool_call_id is None
            written.append({"role": role, "content": message.content if plain else blocks})
        answering = message.role == "tool"
    return written


def _blocks(message: Message) -> list[dict[str, Any]]:
    text = [{"type": "text", "text": message.content}] if message.content else []
    if message.tool_call_id is not None:
        failed = {"is_error": True} if message.tool_failed else {}
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": text, **failed}]
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}
        for call in message.tool_calls
    ]
    return text + calls


def _tool(tool: Tool) -> dict[str, Any]:
    described = {} if tool.description is None else {"description": tool.description}
    return {"name": tool.name, **described, "input_schema": tool.parameters or {"type": "object"}}


def _choice(choice: ToolChoice) -> dict[str, Any]:
    named = {} if choice.name is None else {"name": choice.name}
    return {"type": _CHOICES.get(choice.mode, choice.mode), **named}


def read_reply(body: bytes) -> ChatReply:
    """The reply in the body of an answer with status 200.

    Raises:
        Garbage: it is no whole message.
    """
    value = read_json(body)
    content = value.get("content") if isinstance(value, dict) else None
    if not isinstance(value, dict) or value.get("type") != "message" or not isinstance(content, list):
        raise Garbage("no message")
    texts: list[str] = []
    calls: list[ToolCall] = []
    for block in content:
        _read_block(block, texts, calls)
    if len(calls) > MOST_CALLS:
        raise Garbage(f"more than {MOST_CALLS} tool uses")
    stop = str(value.get("stop_reason"))
    return ChatReply(
        text=sayable("".join(texts)),
        tokens_in=_tokens_in(value.get("usage")),
        tokens_out=count(value.get("usage"), "output_tokens"),
        finish=_FINISHES.get(stop, "stop"),
        refused=stop == "refusal",
        tool_calls=tuple(calls),
        notes=served(value),
    )


def _read_block(block: Any, texts: list[str], calls: list[ToolCall]) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text" and isinstance(block.get("text"), str):
        texts.append(block["text"])
    elif kind == "tool_use" and is_name(block.get("id")) and is_name(block.get("name")):
        given = block.get("input")
        if not isinstance(given, dict):
            raise Garbage("a tool use without input")
        calls.append(ToolCall(sayable(block["id"]), sayable(block["name"]), sayable(json.dumps(given))))
    elif kind not in _THOUGHTS:
        raise Garbage("a block that is neither text nor a tool use")


def _tokens_in(usage: Any) -> int | None:
    """All that was read, from a cache or not."""
    fresh = count(usage, "input_tokens")
    return None if fresh is None else fresh + sum(count(usage, field) or 0 for field in _CACHED)


def _headers(key: str | None) -> dict[str, str]:
    return {"anthropic-version": _VERSION, **({} if key is None else {"x-api-key": key})}


ANTHROPIC: Final = Wire("anthropic", "messages", _headers, request_body, read_reply)
