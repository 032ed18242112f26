"""An HTTP/1.1 server whose clients are hostile: bounded in size, time and number.

Memory is bounded by ``Bounds``: bodies by their sum over all connections, responses by waiting until
the kernel has taken each one before the next request is read (``exchange``). So is the work: whatever
the clients of one server do, the loop that it runs on has time for the others.
"""

import asyncio
import os
import socket
from pathlib import Path
from typing import Final

from sandbox.door.connections import accepted
from sandbox.door.exchange import Connection, Shared
from sandbox.door.pace import Pace
from sandbox.http import Application, Bounds, Place

#: Estimate of the loop's seconds for a connection.
_CONNECTION: Final = 3e-4
#: Connections that may wait in the kernel to be taken.
_BACKLOG: Final = 128
#: Seconds without new connections after the host could take none.
_RELIEF_SECONDS: Final = 0.1


class HttpServer:
    """Serves ``application`` between ``open`` and ``close``: on a listener, or on a unix socket that it binds."""

    def __init__(self, place: Place, application: Application, bounds: Bounds) -> None:
        self._shared = Shared(application, bounds, Pace(bounds.share, bounds.burst))
        self._place = place
        self._listening: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def buffered(self) -> int:
        """Bytes of bodies being received or answered now."""
        return self._shared.buffered

    async def charge(self, seconds: float) -> None:
        """Books what a request turned out to cost of the loop's time; waits where that is beyond the share."""
        if wait := self._shared.pace.book(seconds):
            await asyncio.sleep(wait)

    async def open(self) -> None:
        """
        Raises:
            OSError: the socket could not be bound.
        """
        listener = self._place.dup() if isinstance(self._place, socket.socket) else _bound(self._place)
        self._listening = asyncio.create_task(self._accept(listener))
        # Here, since a task that is cancelled before its first step has no other end; so for its connections.
        self._listening.add_done_callback(lambda _: listener.close())

    async def close(self) -> None:
        """Stops listening, drops every connection and removes the socket that was bound."""
        tasks = [*self._tasks, *([] if self._listening is None else [self._listening])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listening = None
        if isinstance(self._place, Path):
            self._place.unlink(missing_ok=True)

    async def _accept(self, listener: socket.socket) -> None:
        """Takes connections one by one, so that a flood of them waits in the kernel."""
        while True:
            try:
                client = await accepted(listener)
            except OSError as error:
                # Out of descriptors or memory: the host's fault, and no reason to stop listening.
                self._shared.application.fail(error)
                await asyncio.sleep(_RELIEF_SECONDS)
                continue
            self._connected(client)
            await self._shared.pace.take(_CONNECTION)

    def _connected(self, client: socket.socket) -> None:
        connection = Connection(self._shared, client)
        full = len(self._tasks) >= self._shared.bounds.connections
        task = asyncio.ensure_future(connection.turn_away() if full else connection.serve())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: client.close())


def _bound(path: Path) -> socket.socket:
    """A listener at ``path`` with mode 0666; its directory says who can reach it.

    Raises:
        OSError: it could not be bound.
    """
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.setblocking(False)
        listener.bind(str(path))
        os.chmod(path, 0o666)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
