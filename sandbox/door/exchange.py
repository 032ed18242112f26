"""One client's connection to an HTTP/1.1 server: requests, responses, refusals.

What is not of the plain form h11 parses; this module moves bytes. What arrives wrong becomes a ``Refused``
with a stable reason, which the application turns into a response, so that every refusal is answered and
recorded in one place.
"""

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field, replace
from typing import Final

import h11

from sandbox.door.connections import far_end
from sandbox.door.pace import Pace
from sandbox.door.plain import plain_request, plain_response
from sandbox.http import Address, Application, Bounds, Refused, Request, Response

_READ: Final = 64 * 2**10
#: Reads of a connection after which others on the same loop have their turn.
_READS: Final = 8
#: Seconds and bytes for reading away what a refused client is still sending.
_LINGER_SECONDS: Final = 2.0
_LINGER_BYTES: Final = 16 * 2**20
#: Estimates of the loop's seconds for a request, a part of a body and a byte of it.
_REQUEST, _PIECE, _BYTE = 1.5e-4, 5e-5, 4e-8
#: Parts of a body that are read before others have their turn.
_PIECES: Final = 32


@dataclass(slots=True)
class Shared:
    """What the connections of one server share."""

    application: Application
    bounds: Bounds
    pace: Pace
    #: Bytes of bodies being received or answered now.
    buffered: int = 0


@dataclass(slots=True)
class Connection:
    """One client, served one request at a time. Its socket does not block; whoever accepted it closes it."""

    shared: Shared
    client: socket.socket
    protocol: h11.Connection = field(init=False)
    address: Address | None = field(init=False)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    #: What is to be sent next.
    unsent: bytearray = field(default_factory=bytearray)
    #: Reads so far.
    reads: int = 0
    #: The request at hand, of the plain form, where ``protocol`` has not seen it.
    unseen: bytes = b""
    #: Method and path of the request at hand, as far as they are known.
    method: str = ""
    path: str = ""
    #: Bytes of it that count towards ``Shared.buffered``.
    held: int = 0

    def __post_init__(self) -> None:
        self.protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=self.shared.bounds.head)
        self.address = far_end(self.client)

    async def serve(self) -> None:
        """Exchanges requests and responses until either side ends the connection."""
        try:
            while await self._exchange():
                pass
        except (OSError, TimeoutError):
            return  # the client went away or takes nothing: there is nobody left to answer
        except Exception as error:
            self.shared.application.fail(error)
        finally:
            self.shared.buffered -= self.held

    async def turn_away(self) -> None:
        """Answers a client that is one too many, unread."""
        refusal = Refused(503, "too_many_connections", "close other connections first")
        response = replace(self.shared.application.refuse(refusal, ""), delay=0.0)
        with contextlib.suppress(OSError, TimeoutError):
            await self._send(response)

    async def _exchange(self) -> bool:
        """One request and its response; False when the connection is over."""
        self.method = self.path = ""
        await self.shared.pace.take(_REQUEST)
        try:
            request = await self._receive()
        except Refused as refusal:
            await self._send(self.shared.application.refuse(refusal, self.path))
            await self._linger()
            return False
        if request is None:
            return False
        if wait := self.shared.pace.book(len(request.body) * _BYTE):
            await asyncio.sleep(wait)
        response = await self.shared.application.answer(request)
        self.shared.buffered -= self.held
        self.held = 0
        await self._send(response)
        if self.unseen:
            self.unseen = b""
            return True
        if {self.protocol.our_state, self.protocol.their_state} != {h11.DONE}:
            return False
        self.protocol.start_next_cycle()
        return True

    async def _receive(self) -> Request | None:
        """The next request; None if the client has no more."""
        bounds = self.shared.bounds
        if not self.protocol.trailing_data[0]:
            async with asyncio.timeout(bounds.idle):
                data = await self._read()
            if (plain := self._plain(data)) is not None:
                return plain
            self.protocol.receive_data(data)
        try:
            async with asyncio.timeout(bounds.receive):
                head = await self._event()
                return await self._request(head) if isinstance(head, h11.Request) else None
        except TimeoutError:
            raise Refused(408, "too_slow", f"a request must arrive within {bounds.receive:g} s") from None

    def _plain(self, data: bytes) -> Request | None:
        """The request that came in one piece, of the plain form."""
        bounds = self.shared.bounds
        request = plain_request(data, bounds.head, self.address)
        if request is None or len(request.body) > min(bounds.body, bounds.buffered - self.shared.buffered):
            return None  # what is refused is refused in one place
        self.unseen, self.method, self.path = data, request.method, request.path
        self.held = len(request.body)
        self.shared.buffered += self.held
        return request

    async def _request(self, head: h11.Request) -> Request:
        bounds = self.shared.bounds
        self.method, target = head.method.decode("ascii"), head.target.decode("ascii")
        headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
        request = Request(self.method, target, headers, b"")
        self.path = request.path
        if len(target) + sum(len(name) + len(value) for name, value in head.headers) > bounds.head:
            raise _too_large(431, "head_too_large", "request line and headers", bounds.head)
        if int(headers.get("content-length", "0")) > bounds.body:
            raise _too_large(413, "body_too_large", "a body", bounds.body)
        if self.protocol.they_are_waiting_for_100_continue:
            self._write(h11.InformationalResponse(status_code=100, headers=[]))
            await self._flush()
        return Request(self.method, target, headers, await self._body(), self.address)

    async def _body(self) -> bytes:
        bounds = self.shared.bounds
        body = bytearray()
        pieces = 0
        while isinstance(event := await self._event(), h11.Data):
            pieces += 1
            if pieces % _PIECES == 0:
                await self.shared.pace.take(_PIECES * _PIECE)
            if len(body) + len(event.data) > bounds.body:
                raise _too_large(413, "body_too_large", "a body", bounds.body)
            if pieces > bounds.pieces:
                raise Refused(413, "too_many_pieces", f"a body may arrive in {bounds.pieces} parts")
            if self.shared.buffered + len(event.data) > bounds.buffered:
                raise Refused(503, "busy", "too much is being sent at once")
            body += event.data
            self.held += len(event.data)
            self.shared.buffered += len(event.data)
        return bytes(body)

    async def _event(self) -> object:
        while True:
            try:
                event = self.protocol.next_event()
            except h11.RemoteProtocolError as error:
                if error.error_status_hint == 431:
                    limit = self.shared.bounds.head
                    raise _too_large(431, "head_too_large", "request line and headers", limit) from None
                raise Refused(error.error_status_hint, "malformed_http", "not HTTP/1.1") from None
            if event is not h11.NEED_DATA:
                return event
            self.protocol.receive_data(await self._read())

    async def _read(self) -> bytes:
        """What has come, at once if something has; nothing where the client has no more."""
        self.reads += 1
        if self.reads % _READS == 0:
            await asyncio.sleep(0)
        return await self.loop.sock_recv(self.client, _READ)

    def _write(self, *events: h11.InformationalResponse | h11.Response | h11.Data | h11.EndOfMessage) -> None:
        # The server's own events always give bytes; only ConnectionClosed gives None.
        self.unsent += b"".join(self.protocol.send(event) or b"" for event in events)

    async def _send(self, response: Response) -> None:
        if response.delay:
            await asyncio.sleep(response.delay)
        if self.unseen and (answer := plain_response(response)) is not None:
            self.unsent += answer
            await self._flush()
            return
        self._catch_up()
        headers = [("Content-Type", response.content_type), *response.headers]
        if len(response.parts) == 1 and response.coming is None:
            headers.append(("Content-Length", str(len(response.parts[0]))))
        parts = () if self.method == "HEAD" else response.parts
        self._write(
            h11.Response(status_code=response.status, headers=headers),
            *(h11.Data(data=part) for part in parts),
        )
        if response.coming is not None:
            await self._flush()
            async with contextlib.aclosing(response.coming) as coming:
                async for part in coming:
                    self._write(h11.Data(data=part))
                    await self._flush()
        self._write(h11.EndOfMessage())
        await self._flush()

    def _catch_up(self) -> None:
        """Has ``protocol`` see what it has not seen, so that it can frame the answer."""
        if self.unseen:
            self.protocol.receive_data(self.unseen)
            self.unseen = b""
            while not isinstance(event := self.protocol.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:  # never, or both would not read the same: nothing may wait here
                    raise h11.RemoteProtocolError("a whole request is none")

    async def _flush(self) -> None:
        """Returns once the kernel has taken all: nothing piles up."""
        sent, self.unsent = self.unsent, bytearray()
        with contextlib.suppress(BlockingIOError):
            del sent[: self.client.send(sent)]
        if sent:
            async with asyncio.timeout(self.shared.bounds.send):
                await self.loop.sock_sendall(self.client, sent)

    async def _linger(self) -> None:
        """Reads away what is still being sent: closing on unread data could cost the client the answer."""
        self.client.shutdown(socket.SHUT_WR)
        left = _LINGER_BYTES
        async with asyncio.timeout(_LINGER_SECONDS):
            while left > 0 and (data := await self._read()):
                left -= len(data)


def _too_large(status: int, reason: str, what: str, limit: int) -> Refused:
    return Refused(status, reason, f"{what} may have {limit} bytes")
