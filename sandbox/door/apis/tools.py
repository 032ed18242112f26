"""Tools as the model APIs spell them, read strictly and bounded."""

import json
from typing import Any, Final

from sandbox.door.apis.base import encode
from sandbox.door.apis.reading import invalid, sayable
from sandbox.http import Refused
from sandbox.models.base import Tool, ToolCall, ToolChoice

#: Tools of one request, and calls of one message.
_MOST: Final = 128
#: Of a tool's name or a call's id.
_NAME_CHARS: Final = 256
#: Nesting of a schema or of arguments: what is read here is written again further in, on a deeper stack.
_DEPTH: Final = 64


def text_field(value: dict[str, Any], field: str, where: str) -> str:
    """A short text that must be there: a name or an id.

    Raises:
        Refused: 400 ``invalid_request``.
    """
    found = value.get(field)
    if not isinstance(found, str) or not 0 < len(found) <= _NAME_CHARS:
        raise invalid(f"{field} of {where}", f"a text of 1 to {_NAME_CHARS} characters")
    return sayable(found)


def objects(value: Any, field: str) -> list[dict[str, Any]]:
    """A list of objects that may be absent or null.

    Raises:
        Refused: 400 ``invalid_request``.
    """
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > _MOST or not all(isinstance(one, dict) for one in value):
        raise invalid(field, f"a list of at most {_MOST} objects")
    return value


def tool(value: dict[str, Any], schema: str) -> Tool:
    """A tool of the form ``{name, description, <schema>}``.

    Raises:
        Refused: 400 ``invalid_request``.
    """
    description, parameters = value.get("description"), value.get(schema)
    if not isinstance(description, str | None) or not isinstance(parameters, dict | None):
        raise invalid("a tool", f"a name, a description and {schema}")
    if parameters is not None:
        sendable(parameters, schema)
    return Tool(text_field(value, "name", "a tool"), description and sayable(description), parameters)


def sendable(value: dict[str, Any], field: str) -> str:
    """An object as JSON that any server reads.

    Raises:
        Refused: 400 ``invalid_request``, ``too_deep``: no server could be asked, and that is not its fault.
    """
    level: list[Any] = [value]
    for _ in range(_DEPTH):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [item for items in inner for item in items if isinstance(item, dict | list)]
        if not level:
            break
    else:
        raise Refused(400, "too_deep", f"{field} may be nested {_DEPTH} deep", retry=False)
    try:
        return encode(value).decode("ascii")
    except ValueError:
        raise invalid(field, "of finite numbers") from None


def choice(mode: Any, name: Any, modes: dict[str, ToolChoice]) -> ToolChoice:
    """The choice that ``mode`` names: one of ``modes``, or the tool ``name`` where one is given.

    Raises:
        Refused: 400 ``invalid_request``.
    """
    if isinstance(name, str) and 0 < len(name) <= _NAME_CHARS:
        return ToolChoice("tool", sayable(name))
    if not isinstance(mode, str) or mode not in modes:
        raise invalid("tool_choice", "one of " + ", ".join(modes) + ", or name a tool")
    return modes[mode]


def arguments_object(call: ToolCall) -> dict[str, Any]:
    """A call's arguments as an object, for an API that has no other form.

    What the model wrote that is no such object, or none that can be sent on, stands whole under
    ``invalid_json``: it is the model's doing, and the agent is to see it.
    """
    try:
        value = json.loads(call.arguments)
        if isinstance(value, dict):
            sendable(value, "arguments")
            return value
    except (ValueError, RecursionError, Refused):
        pass
    return {"invalid_json": call.arguments}
