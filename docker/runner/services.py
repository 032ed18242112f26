"""The box's own small servers, in a process and a user of their own: the way to the door, and names.

The agent can neither signal that process nor, by flooding it, harm process 1.
"""

import json
import mmap
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable

from forwarder import Forwarder, has_door
from privileges import DOOR, in_child
from sinkhole import ADDRESS, Sinkhole

_CANARY_SECONDS = 10.0
_CHUNK = 65_536


class Services:
    """Starts that process where the box has a door, and hears what it tells."""

    def __init__(self, forward: bool) -> None:
        """``forward``: whether the way to the door is that process's, too."""
        self._forward = forward
        self.pid: int | None = None
        #: Readable when there are reports.
        self.pipe: int | None = None
        #: Questions that were not told; shared with the process, so that none of them is missed.
        self._lost = mmap.mmap(-1, 8)
        self._text = b""
        #: A name that nobody else can ask for. Where the server is slow to start it is asked for more than
        #: once, and told of again when the canary is over.
        self._name = f"{os.urandom(8).hex()}.invalid"

    def start(self, confine: Callable[[], None]) -> bool:
        """Starts it, or starts it again; False where the box has no door and needs none.

        ``confine``: what it does before it serves.
        """
        if not has_door():
            return False
        if self.pipe is not None:
            os.close(self.pipe)
        self.pipe, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

        def work() -> None:
            confine()
            self._serve(write)

        self.pid = in_child(DOOR, work)
        os.close(write)
        self._text = b""
        return True

    @property
    def lost(self) -> int:
        """Questions that were answered and not told."""
        return struct.unpack("Q", self._lost[:8])[0]

    def reports(self) -> list[dict]:
        """What it told since it was asked before, but for the canary."""
        return [report for report in self._told() if report["name"] != self._name]

    def _told(self) -> list[dict]:
        try:
            while chunk := os.read(self.pipe, _CHUNK):
                self._text += chunk
        except BlockingIOError:
            pass
        *lines, self._text = self._text.split(b"\n")
        return [json.loads(line) for line in lines]

    def canary(self) -> str | None:
        """Asks for a name; why that was not told, or None."""
        if self.pid is None:
            return "the box has no door"
        until = time.monotonic() + _CANARY_SECONDS
        labels = b"".join(bytes([len(label)]) + label.encode() for label in self._name.split("."))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(0.1)
            asking.connect(ADDRESS)
            while time.monotonic() < until:
                try:
                    asking.send(struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1")
                    asking.recv(512)
                except ConnectionRefusedError:
                    time.sleep(0.001)  # it is still starting
                except OSError:
                    continue
                else:
                    told = any(report["name"] == self._name for report in self._told())
                    return None if told else "its canary was not told"
        return "nothing answers on port 53"

    # -- in that process --------------------------------------------------------------------------

    def _serve(self, write: int) -> None:
        def tell(report: dict | None) -> None:
            try:
                if report is None:
                    raise BlockingIOError
                os.write(write, json.dumps(report).encode() + b"\n")
            except BlockingIOError:  # process 1 is busy: the answer does not wait for it
                self._lost[:8] = struct.pack("Q", self.lost + 1)

        selector = selectors.DefaultSelector()
        if self._forward:
            Forwarder(selector)
        try:
            Sinkhole(selector, tell)
        except OSError as error:
            os.write(2, f"sinkhole: {error}\n".encode())
            tell(None)  # whoever has the port is asked in its place
        while True:
            for key, mask in selector.select():
                key.data(mask)
