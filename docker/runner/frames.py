"""Frames on the control connection: two big-endian 32-bit lengths, a JSON header, a body."""

import json
import socket
import struct
from collections.abc import Callable

_LENGTHS = struct.Struct("!II")
_MAX_FRAME = 256 * 2**20


class Channel:
    """Whole frames, both ways. A host that stands still is waited for as long as ``left`` says, in seconds."""

    def __init__(self, control: socket.socket, left: Callable[[], float]) -> None:
        self.control, self._left = control, left

    def send(self, header: dict, body: bytes = b"") -> None:
        """Sends one frame."""
        text = json.dumps(header).encode()
        self.control.settimeout(self._left())
        self.control.sendall(_LENGTHS.pack(len(text), len(body)) + text + body)

    def receive(self) -> tuple[dict, bytes]:
        """Reads one whole frame."""
        self.control.settimeout(self._left())
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
