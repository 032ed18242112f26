"""The strict reading of a hostile request, shared by the model APIs."""

import json
from collections.abc import Mapping
from typing import Any, Final

from sandbox.http import Refused

#: The one model's name where the API must name one and the request did not.
MODEL_NAME: Final = "model"
_NAME_CHARS: Final = 200
_TEXT: Final = {"text": "text"}
#: Opening brackets in a body, those inside text included. 4 MiB of nothing else took 0.4 s and
#: 100 MiB to parse, on the loop that all episodes share; 4 MiB of numbers took 0.2 s.
_BRACKETS: Final = 200_000
_COMMAS: Final = 500_000
#: Messages of a conversation, and parts of one content.
MESSAGES: Final = 10_000
_PARTS: Final = 1_000


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


#: A key that stands twice counts as written last: only what was read goes on to the record and the model.
_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``.

    Raises:
        Refused: 400 ``invalid_json`` or ``too_many_values``.
    """
    if body.count(b"[") + body.count(b"{") > _BRACKETS or body.count(b",") > _COMMAS:
        told = f"a body may have {_BRACKETS} brackets and {_COMMAS} commas"
        raise Refused(400, "too_many_values", told, retry=False)
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    # ValueError: bad UTF-8, bad JSON, numbers of thousands of digits. RecursionError: deep nesting.
    except (ValueError, RecursionError):
        raise Refused(400, "invalid_json", "the body is not JSON in UTF-8", retry=False) from None
    if not isinstance(value, dict):
        raise Refused(400, "invalid_json", "the body is not a JSON object", retry=False)
    return value


def invalid(field: str, needs: str) -> Refused:
    """400 ``invalid_request``: ``field`` is not what it needs to be."""
    return Refused(400, "invalid_request", f"{field} must be {needs}", retry=False)


def tools_unsupported() -> Refused:
    """400 ``tools_unsupported``: the conversation holds tool calls, which the model cannot read."""
    return Refused(400, "tools_unsupported", "tool calls and tool results are not supported", retry=False)


def role_and_content(message: Any) -> tuple[str, Any]:
    """A message's role and its content, unread."""
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise invalid("each message", "an object with a role")
    return message["role"], message.get("content")


def message_list(value: Mapping[str, Any]) -> list[Any]:
    """The request's messages, at least one."""
    return bounded_list(value.get("messages"), "messages", MESSAGES)


def bounded_list(found: Any, field: str, most: int) -> list[Any]:
    """A list of at least one and at most ``most`` entries.

    Raises:
        Refused: 400 ``invalid_request`` or ``too_many_values``.
    """
    if not isinstance(found, list) or not found:
        raise invalid(field, "a list of at least one entry")
    if len(found) > most:
        raise Refused(400, "too_many_values", f"{field} may have {most} entries", retry=False)
    return found


def text_of(content: Any, parts: Mapping[str, str] = _TEXT) -> str:
    """The text of a message's content: a string, or a list of text parts, joined by line ends.

    Args:
        content: hostile.
        parts: types of part that are text, and the field of each that holds it.

    Raises:
        Refused: 400 ``invalid_request`` or ``content_unsupported``.
    """
    if isinstance(content, str):
        return sayable(content)
    if not isinstance(content, list):
        raise invalid("content", "a string or a list of text parts")
    if len(content) > _PARTS:
        raise Refused(400, "too_many_values", f"a content may have {_PARTS} parts", retry=False)
    return "\n".join(_part(part, parts) for part in content)


def _part(part: Any, parts: Mapping[str, str]) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str) or kind not in parts:
        raise Refused(400, "content_unsupported", "only text parts are supported", retry=False)
    text = part.get(parts[kind])
    if not isinstance(text, str):
        raise invalid("a text part", "an object with a text")
    return sayable(text)


def sayable(text: str) -> str:
    """``text`` without lone surrogates, which JSON can spell and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def model_name(value: Mapping[str, Any]) -> str:
    """The model that was asked for, cut."""
    name = value.get("model", MODEL_NAME)
    if not isinstance(name, str):
        raise invalid("model", "a string")
    return sayable(name[:_NAME_CHARS])


def flag(value: Mapping[str, Any], field: str) -> bool:
    """A boolean that may be absent or null."""
    found = value.get(field)
    if found is not None and not isinstance(found, bool):
        raise invalid(field, "true or false")
    return bool(found)


def token_cap(value: Mapping[str, Any], field: str) -> int | None:
    """A positive number of tokens that may be absent or null."""
    found = value.get(field)
    if found is not None and (type(found) is not int or found < 1):
        raise invalid(field, "a whole number above zero")
    return found
