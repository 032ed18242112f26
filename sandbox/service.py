"""In-sandbox services: host-side handlers mounted behind the door, with their own events."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from sandbox.box import Box


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


class Workshop(Protocol):
    """Where a service tries what it was handed, while the episode goes on."""

    def box(self, *services: Service) -> AbstractAsyncContextManager[Box]:
        """A fresh box beside the agent's, whose door leads to ``services`` only: no model, nothing of the episode.

        Raises:
            HostFault: the engine could not make it, or ended it.
        """
        ...


@runtime_checkable
class WorkingService(Service, Protocol):
    """A service whose answers take longer than a request: it takes an order, works beside the episode, and is
    asked again for what came of it."""

    async def work(self, workshop: Workshop, emit: Emit) -> None:
        """Runs from the scaffold's start until the episode ends, and is then cancelled.

        What a box that it opened does wrong is its own to judge (``BoxFault``, ``TimeoutError``); a ``HostFault``
        that it lets pass makes the attempt ``infrastructure``.
        """
        ...
