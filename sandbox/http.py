"""HTTP as values: what a server grants, what a request is, how one is answered or refused."""

import socket
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

#: What a server listens on: a listener of somebody else's, or where it binds a unix socket of its own.
Place = Path | socket.socket
#: One end of a connection over IPv4: host and port.
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one server grants its clients. Sizes in bytes, durations in seconds."""

    #: Request line and headers.
    head: int = 8 * 2**10
    #: One request's body.
    body: int = 4 * 2**20
    #: Bodies of all requests that are being received or answered.
    buffered: int = 16 * 2**20
    #: Parts in which one body may arrive: a body in one-byte chunks costs far more than its bytes.
    pieces: int = 4096
    connections: int = 32
    #: Silence between two requests of a connection.
    idle: float = 300.0
    #: From a request's first byte to its last.
    receive: float = 20.0
    #: For the client to take a response.
    send: float = 10.0
    #: Of the event loop's time, which all boxes share, and seconds by which a box may run ahead of it.
    share: float = 0.25
    burst: float = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """A complete request; all of it is hostile. Header names are in lower case."""

    method: str
    #: As sent, query included.
    target: str
    headers: dict[str, str]
    body: bytes
    #: The client's own end; None over a unix socket, where ends have no address.
    client: Address | None = None

    @property
    def path(self) -> str:
        """The target without its query; percent escapes are left as they are."""
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response. Several ``parts`` are sent chunked, one part by its length."""

    status: int
    parts: tuple[bytes, ...]
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    #: Seconds to wait before it is sent.
    delay: float = 0.0
    #: Parts that come while it is sent, after ``parts``; they do not raise.
    coming: AsyncGenerator[bytes, None] | None = None


class Refused(Exception):
    """A request that is not served.

    Args:
        status: HTTP status.
        reason: a short stable name.
        message: a sentence for the client; never contains what the client sent.
        retry: whether asking again can help.
    """

    def __init__(self, status: int, reason: str, message: str, *, retry: bool = True) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status, self.reason, self.message, self.retry = status, reason, message, retry


def unavailable() -> Refused:
    """503: something on the host's side failed."""
    return Refused(503, "unavailable", "the model is not available", retry=False)


class Application(Protocol):
    """What a server serves. No method raises."""

    async def answer(self, request: Request) -> Response:
        """Answers a well-formed request."""
        ...

    def refuse(self, refusal: Refused, path: str) -> Response:
        """The response to what was refused before it was a request; ``path`` is "" if unknown."""
        ...

    def fail(self, error: Exception) -> None:
        """Takes a defect of the server itself."""
        ...
