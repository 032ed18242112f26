"""The connections between this host and a box that is made: the runner's two, and the listener of its door."""

import asyncio
import socket
import struct
from pathlib import Path
from typing import Final

from sandbox.errors import EngineFault
from sandbox.http import Address

#: Seconds for the runner's first word on its second connection.
_HANDING_SECONDS: Final = 60.0


def door_place(directory: Path) -> Path:
    """Where the door of a box binds its socket: a directory that the box sees, so it may come later."""
    place = directory / "door"
    place.mkdir()
    # The box's users are others outside; the directory above keeps all others of this host away.
    place.chmod(0o755)
    return place / "d"


def listen(path: Path) -> socket.socket:
    """A listener for the runner's connections, which come before any agent exists."""
    listener = socket.socket(socket.AF_UNIX)
    listener.setblocking(False)
    listener.bind(str(path))
    # The box's user 0 may be another user outside; the directory keeps all others away.
    path.chmod(0o666)
    listener.listen(2)
    return listener


async def accept_twice(listener: socket.socket) -> tuple[socket.socket, socket.socket]:
    """The runner's two connections, in order: its link, and the one by which it hands descriptors."""
    first = await accepted(listener)
    try:
        return first, await accepted(listener)
    except BaseException:
        first.close()
        raise


async def accepted(listener: socket.socket) -> socket.socket:
    """The next connection of a listener; neither blocks.

    Unlike ``loop.sock_accept`` of Python 3.11 it may be cancelled while a connection is just coming in: nothing is
    accepted then, and the listener can be closed at once.

    Raises:
        OSError: none can be had.
    """
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    while True:
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            came.clear()
            loop.add_reader(listener, came.set)
            try:
                await came.wait()
            finally:
                loop.remove_reader(listener)
        else:
            client.setblocking(False)
            return client


async def entrance(handing: socket.socket) -> socket.socket | None:
    """The listener of the box's own loopback, which its runner hands over first of all; None if it has none to hand.

    Raises:
        EngineFault: it said nothing in time, or ended.
    """
    loop = asyncio.get_running_loop()
    said = asyncio.Event()
    loop.add_reader(handing, said.set)
    try:
        async with asyncio.timeout(_HANDING_SECONDS):
            await said.wait()
    except TimeoutError as error:
        raise EngineFault("the runner did not answer: it handed nothing over", "start") from error
    finally:
        loop.remove_reader(handing)
    try:
        _, descriptors, _, _ = socket.recv_fds(handing, 1, 1, socket.MSG_CMSG_CLOEXEC)
        # Where nothing came the runner leads to the door itself.
        handing.send(b"+" if descriptors else b"-")
    except OSError as error:
        raise EngineFault("the box ended before the runner spoke", "start") from error
    if not descriptors:
        return None
    listener = socket.socket(fileno=descriptors[0])
    listener.setblocking(False)
    return listener


def peer(control: socket.socket) -> int:
    """The runner's process id on this host."""
    pid, _, _ = struct.unpack("3i", control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(pid)


def far_end(client: socket.socket) -> Address | None:
    """A client's own end; None over a unix socket, where ends have no address."""
    if client.family != socket.AF_INET:
        return None
    try:
        host, port = client.getpeername()
    except OSError:
        return "", 0  # it has gone, and is nobody's
    return host, port
