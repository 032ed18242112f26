"""A server of a vendor's API, as the process that holds the door reaches it."""

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import time
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import aiohttp

from sandbox.errors import Mistake, ModelFault
from sandbox.models.limiter import RateLimiter, shared_file
from sandbox.models.openai_wire import bearer
from sandbox.models.rate import Rate
from sandbox.models.stream import BLANK, KEY_CHARS, ServerEvents, spelled

#: Bytes of an answer, decompressed.
_ANSWER_BYTES: Final = 8 * 2**20
_CONNECT_SECONDS: Final = 10.0
_OK: Final = 200
_EVENTS: Final = "text/event-stream"


#: Takes the data of one event.
Hear = Callable[[bytes], None]


class Unanswered(Exception):
    """A request that got no whole answer. Its text names neither key nor header."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. Where the server repeats the key, its place is blanked."""

    status: int
    body: bytes
    #: Seconds that the server asks to wait; None: it does not say.
    retry_after: float | None
    #: Its events were heard.
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is and which variable holds the key to it; never the key."""

    #: Such as ``http://127.0.0.1:8080/v1``.
    base_url: str
    #: None: it needs none.
    key_variable: str | None = None
    rate: Rate = field(default_factory=Rate)
    #: How a key is sent, and what else each request says.
    headers: Callable[[str | None], dict[str, str]] = bearer

    def __post_init__(self) -> None:
        """Checks the address.

        Raises:
            Mistake: it is none, or it carries what belongs elsewhere.
        """
        remedy = "write for example http://127.0.0.1:8080/v1"
        try:
            parts = urlsplit(self.base_url)
            whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise Mistake("is no address", key="base_url", remedy=remedy) from None
        if not whole:
            raise Mistake("is no http or https address", key="base_url", remedy=remedy)
        if parts.username or parts.password or parts.query or parts.fragment:
            remedy = "put the key into a variable and name it in api_key_env"
            raise Mistake("holds more than an address", key="base_url", remedy=remedy)

    def key(self) -> str | None:
        """The key, from this process's environment.

        Raises:
            ModelFault: the variable is not set here, or holds what no header can carry.
        """
        if self.key_variable is None:
            return None
        value = os.environ.get(self.key_variable, "").strip()
        if not value:
            raise ModelFault(f"variable {self.key_variable} is not set on {socket.gethostname()}")
        if re.fullmatch(r"[!-~]+", value) is None:
            raise ModelFault(f"variable {self.key_variable} holds no key: blanks or control characters")
        return value

    def limiter(self) -> RateLimiter:
        """The one limiter of this server in this event loop: all episodes share it, and the other loops
        and processes of this user on this host share its limit."""
        limiters = _LIMITERS.setdefault(asyncio.get_running_loop(), {})
        file = shared_file(self.base_url, self.key_variable, self.rate)
        return limiters.setdefault(file, RateLimiter(self.rate, file))

    async def ask(
        self, method: str, path: str, body: bytes | None, *, seconds: float, hear: Hear | None = None
    ) -> Answer:
        """One request, redirects not followed: they would carry the key elsewhere.

        A connection of its own: an episode's calls lie seconds apart, and servers close what is idle.

        Args:
            method: GET or POST.
            path: under the base address.
            body: JSON, or None.
            seconds: for the whole answer.
            hear: given the data of each event of a stream as it comes; what it raises ends the request.

        Raises:
            Unanswered: no connection, half an answer, one that is too long or takes too long.
            ModelFault: the key is not at hand.
        """
        key = self.key()
        blank = _blank(key)
        headers = self.headers(key) | ({} if body is None else {"Content-Type": "application/json"})
        timeout = aiohttp.ClientTimeout(total=seconds, connect=min(_CONNECT_SECONDS, seconds))
        url = f"{self.base_url.rstrip('/')}/{path}"
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(method, url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                streamed = response.status == _OK and response.content_type == _EVENTS
                if hear is not None and streamed:
                    await _heard(response, blank, hear)
                    answer = b""
                else:
                    answer = blank(b"".join([piece async for piece in _bounded(response)]))
                wait = _retry_after(response.headers.get("Retry-After"))
        # From None: the client's own errors hold the request's headers.
        except TimeoutError:
            raise Unanswered(f"no whole answer in {seconds:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unanswered(f"no whole answer ({type(error).__name__})") from None
        return Answer(response.status, answer, wait, hear is not None and streamed)


_LIMITERS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Path, RateLimiter]]] = WeakKeyDictionary()


def _blank(key: str | None) -> Callable[[bytes], bytes]:
    """Blanks a key, in whatever spelling, in a body that is whole."""
    if key is None or len(key) < KEY_CHARS:
        return lambda body: body
    whole = re.compile(spelled(key).encode("ascii"))
    return lambda body: whole.sub(BLANK.encode(), body)


async def _bounded(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > _ANSWER_BYTES:
            raise Unanswered(f"an answer of more than {_ANSWER_BYTES} bytes")
        yield piece


async def _heard(response: aiohttp.ClientResponse, blank: Callable[[bytes], bytes], hear: Hear) -> None:
    events = ServerEvents()
    async for piece in _bounded(response):
        for data in events.feed(piece):
            hear(blank(data))


def _retry_after(written: str | None) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date (RFC 9110, section 10.2.3)."""
    if written is None:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d+)?", written.strip()):
        return float(written)
    try:
        return max(0.0, parsedate_to_datetime(written).timestamp() - time())
    except (ValueError, OverflowError):
        return None
