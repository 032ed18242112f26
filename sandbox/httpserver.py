"""An HTTP/1.1 server on a unix socket whose clients are hostile: bounded in size, time and number.

h11 parses; this module moves bytes. What arrives wrong becomes a ``Refused`` with a stable reason,
which the application turns into a response, so that every refusal is answered and recorded in one
place. Memory is bounded by ``Bounds``: bodies by their sum over all connections, responses by
waiting until the kernel has taken each one before the next request is read. So is the work: whatever
the clients of one server do, the loop that it runs on has time for the others.
"""

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import h11

from sandbox.http import Application, Bounds, Refused, Request, Response
from sandbox.pace import Pace

_READ: Final = 64 * 2**10
#: Seconds and bytes for reading away what a refused client is still sending.
_LINGER_SECONDS: Final = 2.0
_LINGER_BYTES: Final = 16 * 2**20
#: Estimates of the loop's seconds for a connection, a request, a part of a body and a byte of it.
_CONNECTION, _REQUEST, _PIECE, _BYTE = 3e-4, 1.5e-4, 5e-5, 4e-8
#: Parts of a body that are read before others have their turn.
_PIECES: Final = 32
#: Connections that may wait in the kernel to be taken.
_BACKLOG: Final = 128
#: Seconds without new connections after the host could take none.
_RELIEF_SECONDS: Final = 0.1


class HttpServer:
    """Serves ``application`` on a unix socket between ``open`` and ``close``."""

    def __init__(self, path: Path, application: Application, bounds: Bounds) -> None:
        self.application = application
        self.bounds = bounds
        #: Bytes of bodies being received or answered now.
        self.buffered = 0
        self.pace = Pace(bounds.share, bounds.burst)
        self._path = path
        self._listening: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Binds the socket with mode 0666; its directory says who can reach it.

        Raises:
            OSError: the socket could not be bound.
        """
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.setblocking(False)
            listener.bind(str(self._path))
            os.chmod(self._path, 0o666)
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
        self._listening = asyncio.create_task(self._accept(listener))

    async def close(self) -> None:
        """Stops listening, drops every connection and removes the socket."""
        tasks = [*self._tasks, *([] if self._listening is None else [self._listening])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listening = None
        self._path.unlink(missing_ok=True)

    async def _accept(self, listener: socket.socket) -> None:
        """Takes connections one by one, so that a flood of them waits in the kernel."""
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                try:
                    client, _ = await loop.sock_accept(listener)
                    reader, writer = await asyncio.open_unix_connection(sock=client, limit=_READ)
                except OSError as error:
                    # Out of descriptors or memory: the host's fault, and no reason to stop listening.
                    self.application.fail(error)
                    await asyncio.sleep(_RELIEF_SECONDS)
                    continue
                self._connected(reader, writer)
                await self.pace.take(_CONNECTION)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, reader, writer)
        full = len(self._tasks) >= self.bounds.connections
        task = asyncio.ensure_future(connection.turn_away() if full else connection.serve())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@dataclass(slots=True)
class _Connection:
    """One client, served one request at a time."""

    server: HttpServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    protocol: h11.Connection = field(init=False)
    #: Method and path of the request at hand, as far as they are known.
    method: str = ""
    path: str = ""
    #: Bytes of it that count towards ``HttpServer.buffered``.
    held: int = 0

    def __post_init__(self) -> None:
        self.protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=self.server.bounds.head)
        # With a mark of zero, drain() returns once the kernel has everything: nothing piles up.
        self.writer.transport.set_write_buffer_limits(high=0)

    async def serve(self) -> None:
        """Exchanges requests and responses until either side ends the connection."""
        try:
            while await self._exchange():
                self.protocol.start_next_cycle()
        except (OSError, TimeoutError):
            # The client went away or takes nothing: there is nobody left to answer.
            return
        except Exception as error:
            self.server.application.fail(error)
        finally:
            self.server.buffered -= self.held
            self.writer.transport.abort()

    async def turn_away(self) -> None:
        """Answers a client that is one too many, unread."""
        refusal = Refused(503, "too_many_connections", "close other connections first")
        response = replace(self.server.application.refuse(refusal, ""), delay=0.0)
        try:
            with contextlib.suppress(OSError, TimeoutError):
                await self._send(response)
        finally:
            self.writer.transport.abort()

    async def _exchange(self) -> bool:
        """One request and its response; False when the connection is over."""
        self.method = self.path = ""
        await self.server.pace.take(_REQUEST)
        try:
            request = await self._receive()
        except Refused as refusal:
            await self._send(self.server.application.refuse(refusal, self.path))
            await self._linger()
            return False
        if request is None:
            return False
        await self.server.pace.take(len(request.body) * _BYTE)
        response = await self.server.application.answer(request)
        self.server.buffered -= self.held
        self.held = 0
        await self._send(response)
        return self.protocol.our_state is h11.DONE and self.protocol.their_state is h11.DONE

    async def _receive(self) -> Request | None:
        """The next request; None if the client has no more."""
        bounds = self.server.bounds
        if not self.protocol.trailing_data[0]:
            async with asyncio.timeout(bounds.idle):
                self.protocol.receive_data(await self.reader.read(_READ))
        try:
            async with asyncio.timeout(bounds.receive):
                head = await self._event()
                return await self._request(head) if isinstance(head, h11.Request) else None
        except TimeoutError:
            raise Refused(408, "too_slow", f"a request must arrive within {bounds.receive:g} s") from None

    async def _request(self, head: h11.Request) -> Request:
        bounds = self.server.bounds
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
        return Request(self.method, target, headers, await self._body())

    async def _body(self) -> bytes:
        bounds = self.server.bounds
        body = bytearray()
        pieces = 0
        while isinstance(event := await self._event(), h11.Data):
            pieces += 1
            if pieces % _PIECES == 0:
                await self.server.pace.take(_PIECES * _PIECE)
            if len(body) + len(event.data) > bounds.body:
                raise _too_large(413, "body_too_large", "a body", bounds.body)
            if pieces > bounds.pieces:
                raise Refused(413, "too_many_pieces", f"a body may arrive in {bounds.pieces} parts")
            if self.server.buffered + len(event.data) > bounds.buffered:
                raise Refused(503, "busy", "too much is being sent at once")
            body += event.data
            self.held += len(event.data)
            self.server.buffered += len(event.data)
        return bytes(body)

    async def _event(self) -> object:
        while True:
            try:
                event = self.protocol.next_event()
            except h11.RemoteProtocolError as error:
                if error.error_status_hint == 431:
                    limit = self.server.bounds.head
                    raise _too_large(431, "head_too_large", "request line and headers", limit) from None
                raise Refused(error.error_status_hint, "malformed_http", "not HTTP/1.1") from None
            if event is not h11.NEED_DATA:
                return event
            self.protocol.receive_data(await self.reader.read(_READ))

    def _write(self, *events: h11.InformationalResponse | h11.Response | h11.Data | h11.EndOfMessage) -> None:
        # The server's own events always give bytes; only ConnectionClosed gives None.
        self.writer.write(b"".join(self.protocol.send(event) or b"" for event in events))

    async def _send(self, response: Response) -> None:
        if response.delay:
            await asyncio.sleep(response.delay)
        headers = [("Content-Type", response.content_type), *response.headers]
        if len(response.parts) == 1 and response.coming is None:
            headers.append(("Content-Length", str(len(response.parts[0]))))
        parts = () if self.method == "HEAD" else response.parts
        self._write(
            h11.Response(status_code=response.status, headers=headers),
            *(h11.Data(data=part) for part in parts),
        )
        if response.coming is not None:
            async with contextlib.aclosing(response.coming) as coming:
                async for part in coming:
                    await self._flush()
                    self._write(h11.Data(data=part))
        self._write(h11.EndOfMessage())
        await self._flush()

    async def _flush(self) -> None:
        async with asyncio.timeout(self.server.bounds.send):
            await self.writer.drain()

    async def _linger(self) -> None:
        """Reads away what is still being sent: closing on unread data could cost the client the answer."""
        self.writer.write_eof()
        left = _LINGER_BYTES
        async with asyncio.timeout(_LINGER_SECONDS):
            while left > 0 and (data := await self.reader.read(_READ)):
                left -= len(data)


def _too_large(status: int, reason: str, what: str, limit: int) -> Refused:
    return Refused(status, reason, f"{what} may have {limit} bytes")
