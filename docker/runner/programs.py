"""A program that was started, and what it may still print."""

import os
import selectors
from collections.abc import Callable
from functools import partial

_CHUNK = 65_536


class Program:
    """Moves what a program prints to the host, up to a cap for each stream."""

    def __init__(
        self, request: int, pid: int, pipes: dict, cap: int, selector: selectors.BaseSelector, send: Callable
    ) -> None:
        """``pipes``: stream name to its readable end; ``send`` takes a frame's header and body."""
        self.pid = pid
        self._request, self._pipes = request, pipes
        self._room = dict.fromkeys(pipes, cap)
        self._selector, self._send = selector, send
        for stream, pipe in pipes.items():
            os.set_blocking(pipe, False)
            selector.register(pipe, selectors.EVENT_READ, partial(self.pump, stream))

    def pump(self, stream: str) -> bool:
        """Moves one chunk of output to the host, or drops it once the cap is reached; False when
        there is nothing to move now."""
        pipe = self._pipes.get(stream)
        if pipe is None:
            return False
        try:
            data = os.read(pipe, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._close(stream, pipe)
            return False
        shown = data[: max(self._room[stream], 0)]
        self._room[stream] -= len(data)
        if shown:
            self._send({"output": self._request, "stream": stream, "full": self._room[stream] <= 0}, shown)
        return True

    def finish(self, status: int) -> None:
        """Passes on what is still in the pipes, without waiting for children that hold them, and how
        the program ended."""
        truncated = any(room <= 0 for room in self._room.values())
        for stream, pipe in list(self._pipes.items()):
            while self.pump(stream) and self._room[stream] > 0:
                pass
            truncated = truncated or self._room[stream] <= 0
            self._close(stream, pipe)
        ended = {"code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None}
        ended["signal"] = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        self._send({"seen": "program.exit", "data": {"pid": self.pid, **ended}})
        self._send({"id": self._request, "ok": {**ended, "truncated": truncated}})

    def _close(self, stream: str, pipe: int) -> None:
        if self._pipes.pop(stream, None) is not None:
            self._selector.unregister(pipe)
            os.close(pipe)
