"""The OpenAI chat completions API as its client writes and reads it.

https://platform.openai.com/docs/api-reference/chat
"""

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

_FINISHES: Final = {"length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls"}


def request_body(model: str, request: ChatRequest) -> bytes:
    """The body of ``POST chat/completions``; asks for a stream where somebody listens."""
    body: dict[str, Any] = {"model": model, "messages": [_message(one) for one in request.messages]}
    body |= request.sampling
    if request.tools:
        body["tools"] = [_tool(one) for one in request.tools]
        if request.tool_choice is not None:
            body["tool_choice"] = _choice(request.tool_choice)
    if request.hear is not None:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return encode_body(body)


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
    value = read_json(body)
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
    reply = ending(str(finish), value.get("usage"), refused=bool(refusal), notes=served(value))
    return replace(
        reply, text=sayable(content or refusal or ""), tool_calls=calls,
        finish="tool_calls" if calls and finish == "stop" else reply.finish,
    )  # fmt: skip


def ending(finish: str, usage: Any, *, refused: bool, notes: Mapping[str, Any]) -> ChatReply:
    """How an answer ended, without what it said."""
    return ChatReply(
        text="",
        tokens_in=count(usage, "prompt_tokens"),
        tokens_out=count(usage, "completion_tokens"),
        finish=_FINISHES.get(finish, "stop"),
        refused=refused or finish == "content_filter",
        notes=notes,
    )


def _calls(value: Any) -> tuple[ToolCall, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST_CALLS:
        raise Garbage("tool calls that are no list")
    return tuple(_call(index, call) for index, call in enumerate(value))


def _call(index: int, value: Any) -> ToolCall:
    function = value.get("function") if isinstance(value, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not is_name(name):
        raise Garbage("a tool call without a function")
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments if arguments is not None else {})
    # Some servers leave the id out; within one reply a number is enough.
    given = value.get("id")
    return ToolCall(sayable(given) if is_name(given) else f"call_{index}", sayable(name), sayable(arguments))


def bearer(key: str | None) -> dict[str, str]:
    """The header that carries a key."""
    return {} if key is None else {"Authorization": f"Bearer {key}"}


class Chunks:
    """Reads the stream of a chat completion."""

    def __init__(self) -> None:
        self._finish: str | None = None
        self._refused = False
        self._usage: Any = None
        self._notes: dict[str, Any] = {}
        self._calls: set[int] = set()

    def feed(self, value: Any) -> Iterator[Piece]:
        """The pieces of one chunk; see ``StreamReader``."""
        if not isinstance(value, dict):
            raise Garbage("an event that is no chunk")
        if value.get("error") is not None:
            raise StreamError(error_said(value))
        self._notes = self._notes or served(value)
        if isinstance(value.get("usage"), dict):
            self._usage = value["usage"]
        choices = value.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else {}
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if isinstance(delta, dict):
            yield from self._delta(delta)
        if isinstance(choice, dict) and isinstance(choice.get("finish_reason"), str):
            self._finish = choice["finish_reason"]

    def _delta(self, delta: dict[str, Any]) -> Iterator[Piece]:
        for field in ("content", "refusal"):
            said = delta.get(field)
            if not isinstance(said, str | None):
                raise Garbage("a content that is no text")
            if said:
                self._refused |= field == "refusal"
                yield Piece(text=sayable(said), refused=field == "refusal")
        calls = delta.get("tool_calls") or []
        if not isinstance(calls, list):
            raise Garbage("tool calls that are no list")
        for call in calls:
            yield self._call(call)

    def _call(self, value: Any) -> Piece:
        index = value.get("index", 0) if isinstance(value, dict) else None
        if type(index) is not int or not 0 <= index < MOST_CALLS:
            raise Garbage("a tool call without a number")
        function = value.get("function")
        arguments = function.get("arguments") if isinstance(function, dict) else None
        said = sayable(arguments) if isinstance(arguments, str) else ""
        if index in self._calls:
            return Piece(call=index, arguments=said)
        self._calls.add(index)
        whole = _call(index, {**value, "function": {**(function or {}), "arguments": ""}})
        return Piece(call=index, begun=whole, arguments=said)

    def end(self) -> ChatReply:
        """How it ended; see ``StreamReader``."""
        if self._finish is None:
            raise Garbage("a stream that broke off")
        return ending(self._finish, self._usage, refused=self._refused, notes=self._notes)


OPENAI: Final = Wire("openai", "chat/completions", bearer, request_body, read_reply, Chunks)
