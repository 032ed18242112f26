"""Frames of the control connection as the host reads them: bounded, and parsed strictly.

``docker/runner/main.py`` says what they hold. The runner is out of the agent's reach; should it ever
not be, what it says is still a value of the expected form or a ``BoxFault``.
"""

import asyncio
import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from sandbox.box import Seen
from sandbox.errors import BoxFault

PROTOCOL: Final = 2
#: The longest answer tells 256 KiB of names, each byte as an escape of six.
MAX_HEADER: Final = 2 * 2**20
MAX_BODY: Final = 2**20
_LENGTHS: Final = struct.Struct("!II")
#: Digits of a 63-bit number, and a sign.
_MAX_DIGITS: Final = 19


def _number(value: Any) -> bool:
    return type(value) is int


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _changes(value: Any) -> bool:
    """Rows of path, ways and count."""
    return isinstance(value, list) and all(
        isinstance(row, list) and len(row) == 3 and _text(row[0]) and _texts(row[1]) and _number(row[2])
        for row in value
    )


def _or_null(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or holds(value)


#: Event kind → field → whether a value may stand there.
REPORTS: Final[Mapping[str, Mapping[str, Callable[[Any], bool]]]] = {
    "process": {"pid": _number, "ppid": _number, "started": _number, "argv": _texts},
    "disk.full": {"path": _text, "what": _text, "used": _number, "size": _number},
    "program.start": {"argv": _texts, "pid": _number},
    "program.exit": {"pid": _number, "code": _or_null(_number), "signal": _or_null(_number)},
    "dns.query": {"name": _or_null(_text), "type": _or_null(_text), "protocol": _text, "count": _number},
    "scaffold.changed": {"paths": _changes, "more": _number},
}


def head(header: dict[str, Any], size: int) -> bytes:
    """What precedes a body of ``size`` bytes."""
    text = json.dumps(header).encode()
    return _LENGTHS.pack(len(text), size) + text


async def receive(reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes]:
    """The next frame: header and body.

    Raises:
        BoxFault: it is too large, or its header is no JSON object.
        EOFError, OSError: the connection ended.
    """
    header_size, body_size = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    if header_size > MAX_HEADER or body_size > MAX_BODY:
        raise BoxFault("the runner sent a frame that is too large")
    header = parse(await reader.readexactly(header_size))
    return header, await reader.readexactly(body_size)


def parse(text: bytes) -> dict[str, Any]:
    """A frame's header.

    Raises:
        BoxFault: it is no JSON object, or holds a number beyond 63 bits or none that is finite.
    """
    try:
        header = _DECODER.decode(text.decode())
    except (ValueError, RecursionError) as error:
        raise BoxFault("the runner sent a frame that is not JSON") from error
    if not isinstance(header, dict):
        raise BoxFault("the runner sent a frame that is no object")
    return header


def report(header: dict[str, Any]) -> Seen:
    """What a ``seen`` frame reports.

    Raises:
        BoxFault: a kind that no runner reports, or data of another form.
    """
    kind, data = header.get("seen"), header.get("data")
    form = REPORTS.get(kind) if isinstance(kind, str) else None
    if not isinstance(kind, str) or form is None:
        raise BoxFault("the runner sent a report of an unknown kind")
    formed = isinstance(data, dict) and data.keys() == form.keys()
    if not isinstance(data, dict) or not formed or not all(form[name](data[name]) for name in form):
        raise BoxFault(f"the runner's report of {kind} has no form")
    return Seen(kind, data)


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("beyond 63 bits")
    return int(digits)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


#: Made once: making one takes longer than most frames.
_DECODER: Final = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite, parse_int=_whole)
