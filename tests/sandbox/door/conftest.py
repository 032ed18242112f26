"""A real door on a real unix socket, its loop in a thread, and blocking clients for it."""

import asyncio
import http.client
import json
import socket
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from sandbox.door.budget import Budget, Price
from sandbox.door.door import Door
from sandbox.event_log import EventLog
from sandbox.events import read_events
from sandbox.models.base import ALL_TOOLS, NO_TOOLS, ChatReply, ChatRequest, Piece


class FixedModel:
    """Says one text, at 10 tokens in and 5 out, after awaiting ``before``; letter by letter if ``heard``."""

    digest = "0" * 64

    def __init__(
        self, reply: ChatReply, before: Callable[[], Awaitable[None]] | None = None, tools: Any = False
    ) -> None:
        self.reply = reply
        self.tools = {True: ALL_TOOLS, False: NO_TOOLS}.get(tools, tools)
        self.before = before
        self.heard = False
        self.asked: list[ChatRequest] = []

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.asked.append(request)
        if self.before is not None:
            await self.before()
        if self.heard and request.hear is not None:
            for letter in self.reply.text:
                request.hear(Piece(letter))
                await asyncio.sleep(0)
        return self.reply


class UnixConnection(http.client.HTTPConnection):
    """``http.client`` over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("door", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = unix_socket(self._path)


def unix_socket(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(60)
    sock.connect(str(path))
    return sock


class Doorway:
    """Runs a door in a thread; requests are made from the test's own."""

    def __init__(
        self,
        directory: Path,
        text: str | None,
        *,
        finish: str = "stop",
        refused: bool = False,
        before: Callable[[], Awaitable[None]] | None = None,
        turns: int = 1000,
        model_tokens: int = 10**6,
        price: Price | None = None,
        record: Callable[..., Any] | None = None,
        services: tuple[Any, ...] = (),
        reply: ChatReply | None = None,
        tools: Any = False,
        model: Any = None,
        heard: bool = False,
        **options: Any,
    ) -> None:
        self.path = directory / "s"
        self.log = directory / "events.jsonl"
        reply = reply or ChatReply(text or "", 10, 5, finish, refused)
        self.model = model or FixedModel(reply, before, tools)
        self.model.heard = heard
        self.budget = Budget(turns, model_tokens, price)
        self._writer = EventLog(self.log)
        self._door = (
            None if text is None else self.model,
            services,
            self.budget,
            record or self._writer.append,
        )
        self._options = options
        self._open: list[UnixConnection | socket.socket] = []

    def __enter__(self) -> Self:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.door = self.run(self._start())
        return self

    async def _start(self) -> Door:
        return await Door(self.path, *self._door, **self._options).__aenter__()

    def run(self, coroutine: Any) -> Any:
        """Runs a coroutine on the door's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout=60)

    def __exit__(self, *_: object) -> None:
        self.run(self.door.__aexit__())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=60)
        self.loop.close()
        self._writer.close()
        for client in self._open:
            client.close()

    def until(self, condition: Callable[[], Any]) -> None:
        """Waits, for at most a minute, until ``condition`` holds."""
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def client(self) -> UnixConnection:
        """A keep-alive client, closed with the doorway."""
        self._open.append(client := UnixConnection(self.path))
        return client

    def socket(self) -> socket.socket:
        """A raw connection, closed with the doorway."""
        self._open.append(sock := unix_socket(self.path))
        return sock

    def request(
        self, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in lower case, body, over a connection of its own."""
        client = UnixConnection(self.path)
        client.request(method, target, body, headers or {})
        response = client.getresponse()
        result = response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        client.close()
        return result

    def post(self, target: str, value: Any) -> tuple[int, dict[str, str], bytes]:
        return self.post_raw(target, json.dumps(value).encode())

    def post_raw(self, target: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        return self.request("POST", target, body, {"Content-Type": "application/json"})

    def chat(self, text: str = "Hi") -> tuple[int, dict[str, str], bytes]:
        return self.post("/v1/chat/completions", {"messages": [{"role": "user", "content": text}]})

    def exchange(self, *pieces: bytes) -> bytes:
        """Sends raw bytes, ends the sending side, and returns all that comes back."""
        sock = self.socket()
        for piece in pieces:
            sock.sendall(piece)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while data := sock.recv(65536):
            answer += data
        return answer

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The data of all stored events of one kind, in order."""
        self._writer.flush()
        return [event.data for event in read_events(self.log) if event.kind == kind]

    def kinds(self) -> list[str]:
        """The kinds of all stored events, in order."""
        self._writer.flush()
        return [event.kind for event in read_events(self.log)]


@pytest.fixture
def doorway() -> Iterator[Callable[..., Doorway]]:
    """Makes doorways: text of the model (None: no model) and options."""
    with tempfile.TemporaryDirectory(prefix="d-", dir="/tmp") as directory:
        # Not tmp_path: a unix socket's path may have 107 bytes.
        yield lambda text, **options: Doorway(Path(directory), text, **options)
