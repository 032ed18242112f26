"""The host's end of the control connection to an in-box runner.

The runner is trusted to have been started first and to be out of the agent's reach; what it sends
is bounded and parsed strictly all the same.
"""

import asyncio
import contextlib
import itertools
import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.box import Completed, Seen
from sandbox.errors import BoxDied, BoxFault

PROTOCOL: Final = 1
_LENGTHS: Final = struct.Struct("!II")
_MAX_HEADER: Final = 16 * 2**20
_MAX_BODY: Final = 256 * 2**20
_KINDS: Final = frozenset({"process", "disk.full", "program.start", "program.exit", "dns.query"})
#: Reports that may wait for the episode; more than that and the box is cut off.
_MAX_SEEN: Final = 20_000


@dataclass
class _Pending:
    """A request that waits for its answer, and the output that came for it meanwhile."""

    answer: asyncio.Future[tuple[dict[str, Any], bytes]]
    output: dict[str, bytearray] = field(
        default_factory=lambda: {"stdout": bytearray(), "stderr": bytearray()}
    )
    full: asyncio.Event = field(default_factory=asyncio.Event)


class Link:
    """Requests and answers over one control connection, and the stream of what the runner sees."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._ids = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self.seen: asyncio.Queue[Seen | None] = asyncio.Queue(_MAX_SEEN)
        self.dead: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def hello(
        self, deadline: float, mounts: list[str], rlimits: dict[str, int], notify: dict[str, str]
    ) -> dict[str, Any]:
        """Opens the conversation and starts reading.

        Raises:
            BoxFault: the runner speaks another protocol.
        """
        hello = {"deadline": deadline, "mounts": mounts, "rlimits": rlimits, "notify": notify}
        await self._send(hello, b"")
        header, _ = await self._receive()
        if header.get("hello") != PROTOCOL:
            raise BoxFault("the runner speaks another protocol")
        self._task = asyncio.create_task(self._read())
        return header

    async def request(
        self, operation: str, body: bytes = b"", **arguments: Any
    ) -> tuple[dict[str, Any], bytes]:
        """One request and its answer."""
        return await self._answer(await self._ask(operation, body, arguments))

    async def run(self, output: int, **arguments: Any) -> Completed:
        """Runs a program to its end; at most ``output`` bytes of each stream are kept."""
        pending = await self._ask("run", b"", {**arguments, "output": output})
        ended = asyncio.ensure_future(self._answer(pending))
        full = asyncio.ensure_future(pending.full.wait())
        try:
            await asyncio.wait({ended, full}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                # What it prints further is dropped; the caller decides what that means.
                return _completed({"code": None, "signal": None, "truncated": True}, pending)
            header, _ = await ended
            return _completed(header, pending)
        finally:
            ended.cancel()
            full.cancel()

    def tell(self, reports: Iterable[Seen]) -> None:
        """Puts what other sensors of the box saw among what the runner sees."""
        if self.dead is None:
            for report in reports:
                self.seen.put_nowait(report)

    def drain(self) -> list[Seen]:
        """Reports that have come and that nobody has taken."""
        reports = []
        while not self.seen.empty():
            report = self.seen.get_nowait()
            if report is not None:
                reports.append(report)
        return reports

    async def close(self) -> None:
        """Closes the connection, which ends the box."""
        self._writer.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    # -- inside ---------------------------------------------------------------------------------

    async def _ask(self, operation: str, body: bytes, arguments: dict[str, Any]) -> _Pending:
        if self.dead is not None:
            raise BoxDied(self.dead)
        identity = next(self._ids)
        pending = _Pending(asyncio.get_running_loop().create_future())
        self._pending[identity] = pending
        try:
            await self._send({"id": identity, "op": operation, **arguments}, body)
        except OSError as error:
            raise BoxDied("the box closed its control connection") from error
        return pending

    async def _answer(self, pending: _Pending) -> tuple[dict[str, Any], bytes]:
        header, body = await pending.answer
        if "error" in header:
            raise BoxFault(str(header["error"]))
        answer = header.get("ok")
        if not isinstance(answer, dict):
            raise BoxFault("the runner's answer has no form")
        return answer, body

    async def _send(self, header: dict[str, Any], body: bytes) -> None:
        text = json.dumps(header).encode()
        self._writer.write(_LENGTHS.pack(len(text), len(body)) + text + body)
        await self._writer.drain()

    async def _receive(self) -> tuple[dict[str, Any], bytes]:
        header_size, body_size = _LENGTHS.unpack(await self._reader.readexactly(_LENGTHS.size))
        if header_size > _MAX_HEADER or body_size > _MAX_BODY:
            raise BoxFault("the runner sent a frame that is too large")
        header = json.loads(await self._reader.readexactly(header_size))
        if not isinstance(header, dict):
            raise BoxFault("the runner sent a frame that is no object")
        return header, await self._reader.readexactly(body_size)

    async def _read(self) -> None:
        try:
            while True:
                self._dispatch(*await self._receive())
        except (OSError, EOFError, ValueError, TypeError, KeyError, asyncio.QueueFull, BoxFault) as error:
            ended = isinstance(error, OSError | EOFError)
            self._die("the box ended" if ended else f"the runner broke the protocol: {error}")
        except asyncio.CancelledError:
            self._die("the box was closed")
            raise

    def _dispatch(self, header: dict[str, Any], body: bytes) -> None:
        if "seen" in header:
            if header["seen"] not in _KINDS or not isinstance(header["data"], dict):
                raise BoxFault("unknown report")
            self.seen.put_nowait(Seen(header["seen"], header["data"]))
        elif "output" in header:
            pending = self._pending.get(header["output"])
            if pending is not None:
                pending.output[header["stream"]] += body
                if header["full"]:
                    pending.full.set()
        else:
            pending = self._pending.pop(header["id"], None)
            if pending is not None and not pending.answer.done():
                pending.answer.set_result((header, body))

    def _die(self, reason: str) -> None:
        if self.dead is not None:
            return
        self.dead = reason
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(BoxDied(reason))
                # Nobody may be waiting for it any more.
                pending.answer.exception()
        self._pending.clear()
        while self.seen.full():
            self.seen.get_nowait()
        self.seen.put_nowait(None)


def _completed(header: dict[str, Any], pending: _Pending) -> Completed:
    return Completed(
        header["code"], header["signal"], bytes(pending.output["stdout"]), bytes(pending.output["stderr"]),
        bool(header["truncated"]),
    )  # fmt: skip
