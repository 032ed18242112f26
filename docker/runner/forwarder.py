"""127.0.0.1:8000 in the box ⇄ the door's unix socket, byte for byte."""

import selectors
import socket

PORT = 8000
DOOR = "/run/door/d"
_CONNECTIONS = 64
_CHUNK = 65_536


class _Side:
    """One half of a connection: what is read here is written to ``other``."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.other: _Side
        self.pending = b""
        self.read_ended = False
        self.write_ended = False


class Forwarder:
    """Forwards until it is ended."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", PORT), backlog=_CONNECTIONS)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, self._accept)
        self.open = 0

    def serve(self) -> None:
        """Never returns. What else is registered with ``selector`` is called when it is readable."""
        while True:
            for key, mask in self.selector.select():
                if isinstance(key.data, _Side):
                    self._serve(key.data, mask)
                else:
                    key.data()

    def _serve(self, side: _Side, mask: int) -> None:
        try:
            if mask & selectors.EVENT_READ:
                self._read(side)
            if mask & selectors.EVENT_WRITE:
                self._flush(side)
            self._settle(side)
        except OSError:
            self._drop(side)

    def _accept(self) -> None:
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
            self.selector.register(side.sock, selectors.EVENT_READ, side)

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
            self.selector.modify(side.sock, wanted, side)
        elif wanted:
            self.selector.register(side.sock, wanted, side)
        elif registered:
            self.selector.unregister(side.sock)

    def _drop(self, side: _Side) -> None:
        if side.sock.fileno() == -1:
            return
        self.open -= 1
        for one in (side, side.other):
            self._watch(one, 0)
            one.sock.close()
