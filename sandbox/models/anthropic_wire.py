"""The Anthropic messages API as its client writes and reads it: https://docs.anthropic.com/en/api/messages"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from sandbox.models.base import ChatReply, ChatRequest, Message, Piece, Tool, ToolCall, ToolChoice
from sandbox.models.stream import StreamError
from sandbox.models.wire import (
    MOST_CALLS,
    Garbage,
    Wire,
    count,
    encode_body,
    error_said,
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
    if request.hear is not None:
        body["stream"] = True
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
    reply = _ending(str(value.get("stop_reason")), value.get("usage"), served(value))
    return replace(reply, text=sayable("".join(texts)), tool_calls=tuple(calls))


def _ending(stop: str, usage: Any, notes: Mapping[str, Any]) -> ChatReply:
    """How an answer ended, without what it said."""
    return ChatReply(
        text="",
        tokens_in=_tokens_in(usage),
        tokens_out=count(usage, "output_tokens"),
        finish=_FINISHES.get(stop, "stop"),
        refused=stop == "refusal",
        notes=notes,
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


class MessageEvents:
    """Reads the stream of a message."""

    def __init__(self) -> None:
        self._usage: dict[str, Any] = {}
        self._notes: dict[str, Any] = {}
        self._stop: str | None = None
        self._whole = False
        #: Block -> number of the tool call that it is; text has none.
        self._blocks: dict[int, int | None] = {}
        self._calls = 0

    def feed(self, value: Any) -> Iterator[Piece]:
        """The pieces of one event; see ``StreamReader``. Kinds that are not known are passed over, as the
        API asks of its clients."""
        kind = value.get("type") if isinstance(value, dict) else None
        if kind == "error":
            raise StreamError(error_said(value))
        if kind == "message_start" and isinstance(value.get("message"), dict):
            self._notes = served(value["message"])
            self._count(value["message"])
        elif kind == "content_block_start":
            yield from self._begin(value)
        elif kind == "content_block_delta":
            yield from self._delta(value)
        elif kind == "message_delta":
            self._count(value)
            delta = value.get("delta")
            self._stop = str(delta.get("stop_reason")) if isinstance(delta, dict) else None
        elif kind == "message_stop":
            self._whole = True

    def _count(self, value: dict[str, Any]) -> None:
        usage = value.get("usage")
        self._usage |= {k: v for k, v in usage.items() if v is not None} if isinstance(usage, dict) else {}

    def _begin(self, value: dict[str, Any]) -> Iterator[Piece]:
        block, number = value.get("content_block"), value.get("index")
        kind = block.get("type") if isinstance(block, dict) else None
        if type(number) is not int or not isinstance(block, dict):
            raise Garbage("a block without a number")
        if kind == "text" and isinstance(block.get("text"), str):
            self._blocks[number] = None
            yield self._text(block["text"])
        elif kind == "tool_use" and is_name(block.get("id")) and is_name(block.get("name")):
            if self._calls >= MOST_CALLS:
                raise Garbage(f"more than {MOST_CALLS} tool uses")
            self._blocks[number] = self._calls
            begun = ToolCall(sayable(block["id"]), sayable(block["name"]), "")
            yield Piece(call=self._calls, begun=begun, tokens_in=_tokens_in(self._usage))
            self._calls += 1
        elif kind not in _THOUGHTS:
            raise Garbage("a block that is neither text nor a tool use")

    def _delta(self, value: dict[str, Any]) -> Iterator[Piece]:
        delta, number = value.get("delta"), value.get("index")
        if number not in self._blocks or not isinstance(delta, dict):
            return
        call = self._blocks[number]
        text, arguments = delta.get("text"), delta.get("partial_json")
        if call is None and isinstance(text, str):
            yield self._text(text)
        elif call is not None and isinstance(arguments, str):
            yield Piece(call=call, arguments=sayable(arguments))

    def _text(self, text: str) -> Piece:
        return Piece(text=sayable(text), tokens_in=_tokens_in(self._usage))

    def end(self) -> ChatReply:
        """How it ended; see ``StreamReader``."""
        if self._stop is None or not self._whole:
            raise Garbage("a stream that broke off")
        return _ending(self._stop, self._usage, self._notes)


ANTHROPIC: Final = Wire("anthropic", "messages", _headers, request_body, read_reply, MessageEvents)
