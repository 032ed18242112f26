"""How 127.0.0.1:8000 in the box leads to the door: the host listens there itself, or else byte for byte to its
unix socket."""

import os
import selectors
import socket
from functools import partial

PORT = 8000
DOOR = "/run/door/d"
_CONNECTIONS = 64
_CHUNK = 65_536
#: Bytes of one connection that wait in the kernel to be read by the host.
_WAITING = 256 * 2**10


def has_door() -> bool:
    """Whether the box was made with a door."""
    return os.path.isdir(os.path.dirname(DOOR))


def hand_over(host: socket.socket) -> bool:
    """Hands the host a listener at ``PORT``, so that nobody stands between; whether it has it now."""
    if not has_door():
        host.send(b"-")
    else:
        with socket.create_server(("127.0.0.1", PORT), backlog=_CONNECTIONS) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WAITING)
            # Of all that are accepted: a streamed answer's pieces must not wait for each other.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                socket.send_fds(host, [b"+"], [listener.fileno()])
            except OSError:  # a runtime whose sockets are not the host's
                host.send(b"-")
    return host.recv(1) == b"+"


class _Side:
    """One half of a connection: what is read here is written to ``other``."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.other: _Side
        self.pending = b""
        self.read_ended = False
        self.write_ended = False


class Forwarder:
    """Forwards what its connections bring, whenever ``selector`` says so."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        """Registers callables with ``selector``, which take the mask of what happened."""
        self.selector = selector
        self.listener = socket.create_server(("127.0.0.1", PORT), backlog=_CONNECTIONS)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, self._accept)
        self.open = 0

    def _serve(self, side: _Side, mask: int) -> None:
        try:
            if mask & selectors.EVENT_READ:
                self._read(side)
            if mask & selectors.EVENT_WRITE:
                self._flush(side)
            self._settle(side)
        except OSError:
            self._drop(side)

    def _accept(self, _: int) -> None:
        client, _ = self.listener.accept()
        door = socket.socket(socket.AF_UNIX)
        try:
            if self.open >= _CONNECTIONS:
                raise OSError("too many connections")
            door.connect(DOOR)
        except OSError:
            client.close()
            door.close()
            return
        sides = _Side(client), _Side(door)
        sides[0].other, sides[1].other = sides[1], sides[0]
        self.open += 1
        for side in sides:
            side.sock.setblocking(False)
            self.selector.register(side.sock, selectors.EVENT_READ, partial(self._serve, side))

    def _read(self, side: _Side) -> None:
        data = side.sock.recv(_CHUNK)
        if data:
            side.other.pending += data
            self._flush(side.other)
        else:
            side.read_ended = True

    def _flush(self, side: _Side) -> None:
        if side.pending:
            try:
                side.pending = side.pending[side.sock.send(side.pending) :]
            except BlockingIOError:
                return

    def _settle(self, side: _Side) -> None:
        """Passes on ends of stream and asks the selector only for what can happen next."""
        for one in (side, side.other):
            if one.other.read_ended and not one.pending and not one.write_ended:
                one.write_ended = True
                one.sock.shutdown(socket.SHUT_WR)
        if side.write_ended and side.other.write_ended:
            self._drop(side)
            return
        for one in (side, side.other):
            wanted = selectors.EVENT_WRITE if one.pending else 0
            # Not read while the other side is slow: memory stays bounded.
            if not one.read_ended and not one.other.pending:
                wanted |= selectors.EVENT_READ
            self._watch(one, wanted)

    def _watch(self, side: _Side, wanted: int) -> None:
        registered = side.sock in self.selector.get_map()
        if wanted and registered:
            self.selector.modify(side.sock, wanted, partial(self._serve, side))
        elif wanted:
            self.selector.register(side.sock, wanted, partial(self._serve, side))
        elif registered:
            self.selector.unregister(side.sock)

    def _drop(self, side: _Side) -> None:
        if side.sock.fileno() == -1:
            return
        self.open -= 1
        for one in (side, side.other):
            self._watch(one, 0)
            one.sock.close()
