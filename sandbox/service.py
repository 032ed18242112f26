"""In-sandbox services: host-side handlers mounted behind the door, with their own events."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """A request from a box. ``path`` is what follows the service's prefix; all of it is hostile."""

    method: str
    path: str
    body: bytes
    #: By name in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceReply:
    """A JSON answer."""

    status: int
    value: Any


#: Writes an event of source ``service``: kind, data.
Emit = Callable[[str, dict[str, Any]], None]


class Service(Protocol):
    """One mounted service. It must not block: a handler answers from memory."""

    #: Such as "/inner/".
    prefix: str

    def handle(self, request: ServiceRequest, emit: Emit) -> ServiceReply:
        """Answers one request."""
        ...
