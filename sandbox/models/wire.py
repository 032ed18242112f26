"""What a vendor's API is to the host that calls it, and the strict reading that all of them share."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from sandbox.models.base import ChatReply, ChatRequest, Dialect
from sandbox.models.stream import StreamReader

#: How vLLM, llama.cpp, vendors and routers say it; some with status 500, some even with 200.
_OVERFLOW = re.compile(
    r"context_length_exceeded|exceed_context_size|context (length|size|window|limit)|prompt is too long", re.I
)
_DETAIL_CHARS: Final = 300
#: Of a tool's name or a call's id.
NAME_CHARS: Final = 256
#: Tool calls of one reply.
MOST_CALLS: Final = 128


class Garbage(Exception):
    """An answer with status 200 that is not what was asked for. Its text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How a vendor's servers are asked and what they answer."""

    #: The provider's name in a config, and the way in which it writes tools.
    name: Dialect
    #: Under the base address.
    path: str
    #: Headers of every request, from the key (None: there is none).
    headers: Callable[[str | None], dict[str, str]]
    #: The body of a request to a model of that name.
    request_body: Callable[[str, ChatRequest], bytes]
    #: The reply in the body of an answer with status 200; raises ``Garbage``.
    read_reply: Callable[[bytes], ChatReply]
    #: Reads one answer that comes as a stream of events.
    stream_reader: Callable[[], StreamReader]


def encode_body(value: Any) -> bytes:
    """JSON in ASCII, so that no text can fail to be sent."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def read_json(body: bytes) -> Any:
    """The JSON in ``body``.

    Raises:
        Garbage: there is none.
    """
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Garbage("no JSON") from None


def sayable(text: str) -> str:
    """``text`` without lone surrogates, which JSON can spell and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")


def is_name(value: Any) -> TypeGuard[str]:
    """Whether ``value`` may be a tool's name or a call's id."""
    return isinstance(value, str) and 0 < len(value) <= NAME_CHARS


def count(usage: Any, field: str) -> int | None:
    """A number of tokens; None: not reported."""
    found = usage.get(field) if isinstance(usage, dict) else None
    return found if type(found) is int and found >= 0 else None


def served(value: Mapping[str, Any]) -> dict[str, Any]:
    """The reply's note of the model that the server says it served."""
    name = value.get("model")
    return {"served": sayable(name[:NAME_CHARS])} if isinstance(name, str) else {}


def error_text(body: bytes) -> str:
    """What an error document says, cut; empty if it is none."""
    try:
        return error_said(read_json(body))
    except Garbage:
        return ""


def error_said(value: Any) -> str:
    """What an error document says, cut; empty if it is none."""
    error = value.get("error", value) if isinstance(value, dict) else value
    if isinstance(error, Mapping):
        error = " ".join(str(error[field]) for field in ("type", "code", "message") if error.get(field))
    return sayable(error[:_DETAIL_CHARS]) if isinstance(error, str) else ""


def is_overflow(text: str) -> bool:
    """Whether an error's text says that the conversation is longer than the model's context."""
    return _OVERFLOW.search(text) is not None
