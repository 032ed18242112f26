"""Frames of the control connection as the host reads them: bounded, and parsed strictly.

``docker/runner/main.py`` says what they hold. The runner is out of the agent's reach; should it ever
not be, what it says is still a value of the expected form or a ``BoxFault``.
"""

import asyncio
import json
import math
import struct
from types import NoneType
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
#: Event kind → field → the types that it may have; a list is one of strings.
REPORTS: Final[dict[str, dict[str, tuple[type, ...]]]] = {
    "process": {"pid": (int,), "ppid": (int,), "argv": (list,)},
    "disk.full": {"path": (str,), "what": (str,), "used": (int,), "size": (int,)},
    "program.start": {"argv": (list,), "pid": (int,)},
    "dns.query": {"name": (str, NoneType), "type": (str, NoneType), "protocol": (str,), "count": (int,)},
    "program.exit": {"pid": (int,), "code": (int, NoneType), "signal": (int, NoneType)},
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
        header = json.loads(text, parse_constant=_no_number, parse_float=_finite, parse_int=_whole)
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
    if not isinstance(data, dict) or set(data) != set(form):
        raise BoxFault(f"the runner's report of {kind} has no form")
    for name, types in form.items():
        value = data[name]
        texts = not isinstance(value, list) or all(isinstance(item, str) for item in value)
        if type(value) not in types or not texts:
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
