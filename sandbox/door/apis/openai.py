"""The OpenAI chat completions API: https://platform.openai.com/docs/api-reference/chat"""

import time
from typing import Any, Final

from sandbox.door.apis.base import Call, ReplyStream, document, encode, error_response, whole_stream
from sandbox.door.apis.reading import (
    MODEL_NAME,
    flag,
    invalid,
    message_list,
    model_name,
    role_and_content,
    sayable,
    text_of,
    token_cap,
    tools_unsupported,
)
from sandbox.door.apis.tools import choice, objects, text_field, tool
from sandbox.http import Refused, Response
from sandbox.models.base import ChatReply, Dialect, Message, Piece, Tool, ToolCall, ToolChoice

#: As an OpenAI API names them, and as a conversation does.
ROLES: Final = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
CHOICES: Final = {
    "auto": ToolChoice("auto"), "none": ToolChoice("none"), "required": ToolChoice("required"),
}  # fmt: skip


class OpenAI:
    """``POST /v1/chat/completions``."""

    name = "chat.completions"
    dialect: Dialect = "openai"

    def parse(self, value: dict[str, Any], *, tools: bool) -> Call:
        """Reads a request; see ``Api.parse``. Sampling is ignored."""
        if value.get("n") not in (None, 1):
            raise Refused(400, "n_unsupported", "n must be 1", retry=False)
        options = value.get("stream_options")
        if options is not None and not isinstance(options, dict):
            raise invalid("stream_options", "an object")
        caps = [token_cap(value, name) for name in ("max_tokens", "max_completion_tokens")]
        return Call(
            messages=tuple(_message(message, tools) for message in message_list(value)),
            model=model_name(value),
            stream=flag(value, "stream"),
            max_tokens=min((cap for cap in caps if cap is not None), default=None),
            stream_usage=flag(options or {}, "include_usage"),
            tools=tuple(_tool(one) for one in objects(value.get("tools"), "tools")) if tools else (),
            tool_choice=_tool_choice(value.get("tool_choice")) if tools else None,
        )

    def reply(self, call: Call, reply: ChatReply, turn: int) -> Response:
        """A ``chat.completion``, or a stream of ``chat.completion.chunk`` closed by ``[DONE]``."""
        if call.stream:
            return whole_stream(_Chunks(call, turn), reply)
        head = _head(call, turn)
        message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": None}
        if reply.tool_calls:
            calls = [_spelled(call, call.arguments) for call in reply.tool_calls]
            message |= {"content": reply.text or None, "tool_calls": calls}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish}
        return document({**head, "object": "chat.completion", "choices": [choice], "usage": _usage(reply)})

    def stream(self, call: Call, turn: int) -> ReplyStream:
        """See ``Api.stream``."""
        return _Chunks(call, turn)

    def refusal(self, refused: Refused) -> Response:
        """``{"error": {message, type, param, code}}`` with the reason as code."""
        return error_response(refused, _error(refused))

    def models(self) -> Response:
        """A list of the one model."""
        model = {"id": MODEL_NAME, "object": "model", "created": 0, "owned_by": "system"}
        return document({"object": "list", "data": [model]})


def _message(message: Any, tools: bool) -> Message:
    role, content = role_and_content(message)
    called = message.get("tool_calls")
    if role == "function" or message.get("function_call") or (not tools and (role == "tool" or called)):
        raise tools_unsupported()
    if role == "tool":
        return Message(role, text_of(content), tool_call_id=text_field(message, "tool_call_id", "a result"))
    if role not in ROLES:
        raise invalid("role", "one of " + ", ".join(ROLES))
    if content is None and role == "assistant":
        content = ""
    calls = tuple(_call(call) for call in objects(called, "tool_calls")) if role == "assistant" else ()
    return Message(ROLES[role], text_of(content), calls)


def _function(value: dict[str, Any], where: str) -> dict[str, Any]:
    function = value.get("function")
    if value.get("type", "function") != "function" or not isinstance(function, dict):
        raise invalid(where, "of type function")
    return function


def _tool(value: dict[str, Any]) -> Tool:
    return tool(_function(value, "a tool"), "parameters")


def _call(value: dict[str, Any]) -> ToolCall:
    function = _function(value, "a tool call")
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        raise invalid("arguments of a tool call", "a text")
    name = text_field(function, "name", "a tool call")
    return ToolCall(text_field(value, "id", "a tool call"), name, sayable(arguments))


def _tool_choice(value: Any) -> ToolChoice | None:
    if value is None:
        return None
    name = _function(value, "tool_choice").get("name") if isinstance(value, dict) else None
    return choice(value, name, CHOICES)


def _spelled(call: ToolCall, arguments: str) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _usage(reply: ChatReply) -> dict[str, int] | None:
    if reply.tokens_in is None or reply.tokens_out is None:
        return None
    return {
        "prompt_tokens": reply.tokens_in,
        "completion_tokens": reply.tokens_out,
        "total_tokens": reply.tokens_in + reply.tokens_out,
    }


def _error(refused: Refused) -> dict[str, Any]:
    kind = "server_error" if refused.status >= 500 else "invalid_request_error"
    if refused.status == 429:
        kind = refused.reason
    return {"error": {"message": refused.message, "type": kind, "param": None, "code": refused.reason}}


def _head(call: Call, turn: int) -> dict[str, Any]:
    return {"id": f"chatcmpl-{turn}", "created": int(time.time()), "model": call.model}


class _Chunks:
    """A stream of ``chat.completion.chunk``."""

    def __init__(self, call: Call, turn: int) -> None:
        # With include_usage every chunk carries the key, null in all but the last.
        usage = {"usage": None} if call.stream_usage else {}
        self._common = {**_head(call, turn), "object": "chat.completion.chunk", **usage}
        self._usage = call.stream_usage
        self._open = False

    def piece(self, piece: Piece) -> list[bytes]:
        if piece.text:
            return [*self._opening(), self._chunk({"content": piece.text})]
        told: dict[str, Any] = {"index": piece.call}
        if piece.begun is not None:
            told |= _spelled(piece.begun, piece.arguments)
        else:
            told["function"] = {"arguments": piece.arguments}
        return [*self._opening(), self._chunk({"tool_calls": [told]})]

    def end(self, reply: ChatReply) -> list[bytes]:
        chunks = [*self._opening(), self._chunk({}, reply.finish)]
        if self._usage:
            chunks.append(_data({**self._common, "choices": [], "usage": _usage(reply)}))
        return [*chunks, b"data: [DONE]\n\n"]

    def broken(self, refused: Refused) -> list[bytes]:
        return [_data(_error(refused))]

    def _opening(self) -> list[bytes]:
        first, self._open = not self._open, True
        return [self._chunk({"role": "assistant", "content": ""})] if first else []

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _data({**self._common, "choices": [choice]})


def _data(value: dict[str, Any]) -> bytes:
    return b"data: " + encode(value) + b"\n\n"
