"""The OpenAI chat completions API: https://platform.openai.com/docs/api-reference/chat"""

import time
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
from sandbox.http import Refused, Response
from sandbox.models.base import ChatReply, Message

_ROLES: Final = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


class OpenAI:
    """``POST /v1/chat/completions``."""

    name = "chat.completions"

    def parse(self, value: dict[str, Any]) -> Call:
        """Reads a request; see ``Api.parse``. Sampling and offered tools are ignored."""
        if value.get("n") not in (None, 1):
            raise Refused(400, "n_unsupported", "n must be 1", retry=False)
        options = value.get("stream_options")
        if options is not None and not isinstance(options, dict):
            raise invalid("stream_options", "an object")
        caps = [token_cap(value, name) for name in ("max_tokens", "max_completion_tokens")]
        return Call(
            messages=tuple(_message(message) for message in message_list(value)),
            model=model_name(value),
            stream=flag(value, "stream"),
            max_tokens=min((cap for cap in caps if cap is not None), default=None),
            stream_usage=flag(options or {}, "include_usage"),
        )

    def reply(self, call: Call, reply: ChatReply, turn: int) -> Response:
        """A ``chat.completion``, or a stream of ``chat.completion.chunk`` closed by ``[DONE]``."""
        head = {"id": f"chatcmpl-{turn}", "created": int(time.time()), "model": call.model}
        if call.stream:
            return event_stream(_chunks(head, call, reply))
        message = {"role": "assistant", "content": reply.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish}
        return document({**head, "object": "chat.completion", "choices": [choice], "usage": _usage(reply)})

    def refusal(self, refused: Refused) -> Response:
        """``{"error": {message, type, param, code}}`` with the reason as code."""
        kind = "server_error" if refused.status >= 500 else "invalid_request_error"
        if refused.status == 429:
            kind = refused.reason
        error = {"message": refused.message, "type": kind, "param": None, "code": refused.reason}
        return error_response(refused, {"error": error})

    def models(self) -> Response:
        """A list of the one model."""
        model = {"id": MODEL_NAME, "object": "model", "created": 0, "owned_by": "system"}
        return document({"object": "list", "data": [model]})


def _message(message: Any) -> Message:
    role, content = role_and_content(message)
    if role in ("tool", "function") or message.get("tool_calls") or message.get("function_call"):
        raise tools_unsupported()
    if role not in _ROLES:
        raise invalid("role", "one of " + ", ".join(_ROLES))
    if content is None and role == "assistant":
        content = ""
    return Message(_ROLES[role], text_of(content))


def _usage(reply: ChatReply) -> dict[str, int]:
    return {
        "prompt_tokens": reply.tokens_in,
        "completion_tokens": reply.tokens_out,
        "total_tokens": reply.tokens_in + reply.tokens_out,
    }


def _chunks(head: dict[str, Any], call: Call, reply: ChatReply) -> list[bytes]:
    # With include_usage every chunk carries the key, null in all but the last.
    common = {**head, "object": "chat.completion.chunk", **({"usage": None} if call.stream_usage else {})}

    def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _data({**common, "choices": [choice]})

    chunks = [chunk({"role": "assistant", "content": ""})]
    chunks += [chunk({"content": piece}) for piece in deltas(reply.text)]
    chunks.append(chunk({}, reply.finish))
    if call.stream_usage:
        chunks.append(_data({**common, "choices": [], "usage": _usage(reply)}))
    return [*chunks, b"data: [DONE]\n\n"]


def _data(value: dict[str, Any]) -> bytes:
    return b"data: " + encode(value) + b"\n\n"
