"""Frames on the control connection: two big-endian 32-bit lengths, a JSON header, a body."""

import json
import socket
import struct

_LENGTHS = struct.Struct("!II")
_MAX_FRAME = 256 * 2**20


class Channel:
    """Whole frames, both ways."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control

    def send(self, header: dict, body: bytes = b"") -> None:
        """Sends one frame; a host that does not read for long ends the box."""
        text = json.dumps(header).encode()
        self.control.sendall(_LENGTHS.pack(len(text), len(body)) + text + body)

    def receive(self) -> tuple[dict, bytes]:
        """Reads one whole frame."""
        sizes = _LENGTHS.unpack(self._exactly(_LENGTHS.size))
        if sum(sizes) > _MAX_FRAME:
            raise ConnectionError("frame too large")
        return json.loads(self._exactly(sizes[0])), self._exactly(sizes[1])

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            chunk = self.control.recv(min(size - len(data), 2**20))
            if not chunk:
                raise ConnectionError("the host closed")
            data += chunk
        return bytes(data)
