"""The Anthropic messages API: https://docs.anthropic.com/en/api/messages"""

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
)
from sandbox.http import Refused, Response
from sandbox.models.base import ChatReply, Message

_STOP_REASONS: Final = {"stop": "end_turn", "length": "max_tokens"}
_ERROR_TYPES: Final = {404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error"}


class Anthropic:
    """``POST /v1/messages``."""

    name = "messages"

    def parse(self, value: dict[str, Any]) -> Call:
        """Reads a request; see ``Api.parse``. Sampling and offered tools are ignored."""
        system = value.get("system")
        opening = () if system is None else (Message("system", text_of(system)),)
        return Call(
            messages=opening + tuple(_message(message) for message in message_list(value)),
            model=model_name(value),
            stream=flag(value, "stream"),
            max_tokens=token_cap(value, "max_tokens"),
        )

    def reply(self, call: Call, reply: ChatReply, turn: int) -> Response:
        """A ``message``, or its stream from ``message_start`` to ``message_stop``."""
        head = {"id": f"msg_{turn}", "type": "message", "role": "assistant", "model": call.model}
        stop = "refusal" if reply.refused else _STOP_REASONS[reply.finish]
        if call.stream:
            return event_stream(_events(head, reply, stop))
        usage = {"input_tokens": reply.tokens_in, "output_tokens": reply.tokens_out}
        content = [{"type": "text", "text": reply.text}]
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


def _message(message: Any) -> Message:
    role, content = role_and_content(message)
    if role not in ("user", "assistant"):
        raise invalid("role", "one of user, assistant")
    return Message(role, text_of(content))


def _events(head: dict[str, Any], reply: ChatReply, stop: str) -> list[bytes]:
    usage = {"input_tokens": reply.tokens_in, "output_tokens": 0}
    message = {**head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    block = {"type": "text", "text": ""}
    return [
        _event("message_start", message=message),
        _event("content_block_start", index=0, content_block=block),
        _event("ping"),
        *(
            _event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
            for piece in deltas(reply.text)
        ),
        _event("content_block_stop", index=0),
        _event(
            "message_delta",
            delta={"stop_reason": stop, "stop_sequence": None},
            usage={"output_tokens": reply.tokens_out},
        ),
        _event("message_stop"),
    ]


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: ".encode() + encode({"type": kind, **fields}) + b"\n\n"
