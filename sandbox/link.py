"""The host's end of the control connection to an in-box runner.

The runner is trusted to have been started first and to be out of the agent's reach; what it sends
is bounded and parsed strictly all the same (``frames``, ``answers``).
"""

import asyncio
import contextlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox import answers, frames
from sandbox.box import Completed, Seen
from sandbox.errors import BoxDied, BoxFault, StorageFault
from sandbox.files import Collection
from sandbox.reports import Reports
from sandbox.spool import Spool

#: Seconds for an answer to anything but a program's run, which its caller bounds.
ANSWER_SECONDS: Final = 60.0
_MAX_ERROR: Final = 1_000


@dataclass
class _Pending:
    """A request that waits for its answer, and what came for it meanwhile."""

    answer: "asyncio.Future[dict[str, Any]]"
    #: Bytes of each stream that may come.
    cap: int = 0
    #: Where pieces of files go.
    spool: Spool | None = None
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
        self.reports = Reports()
        self.dead: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def hello(self, **given: Any) -> dict[str, Any]:
        """Opens the conversation, telling the runner what it is ``given``, and starts reading.

        Raises:
            BoxFault: the runner speaks another protocol, or says nothing in time.
            BoxDied: it ended instead.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._send(given, b"")
                header, _ = await frames.receive(self._reader)
        except TimeoutError as error:
            raise BoxFault(f"the runner said nothing within {ANSWER_SECONDS:.0f} s") from error
        except (EOFError, OSError) as error:
            raise BoxDied("the box ended before the runner spoke") from error
        if header.get("hello") != frames.PROTOCOL:
            raise BoxFault("the runner speaks another protocol")
        self._task = asyncio.create_task(self._read())
        return header

    async def request(self, operation: str, body: bytes = b"", **arguments: Any) -> dict[str, Any]:
        """One request and its answer.

        Raises:
            BoxFault: the runner refuses, breaks the protocol, or does not answer in time.
        """
        return await self._asked(_Pending(_future()), operation, body, arguments)

    async def collect(
        self, root: str, *, max_bytes: int, max_files: int, only: list[str] | None, first: str
    ) -> Collection:
        """The contents of regular files under ``root``, of ``only`` these, ``first`` before the others.

        Raises:
            BoxFault: as ``request``.
            StorageFault: the host's disk did not take what came.
        """
        spool = Spool(max_bytes, max_files)
        bounds = {"max_bytes": max_bytes, "max_files": max_files, "only": only, "first": first}
        pending = _Pending(_future(), spool=spool)
        answer = await self._asked(pending, "collect", b"", {"root": root, **bounds})
        return answers.collection(answer, spool, root)

    async def run(self, output: int, **arguments: Any) -> Completed:
        """Runs a program to its end; at most ``output`` bytes of each stream are kept."""
        pending = _Pending(_future(), cap=output)
        full = asyncio.ensure_future(pending.full.wait())
        try:
            with self._waiting(pending) as identity:
                await self._ask(identity, "run", b"", {**arguments, "output": output})
                either: set[asyncio.Future[Any]] = {pending.answer, full}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            full.cancel()
        stdout, stderr = (bytes(pending.output[name]) for name in ("stdout", "stderr"))
        if not pending.answer.done():
            # What it prints further is dropped; the caller decides what that means.
            return Completed(None, None, stdout, stderr, truncated=True)
        return answers.completed(_granted(pending.answer.result()), stdout, stderr)

    def tell(self, seen: Iterable[Seen]) -> None:
        """Puts what other sensors of the box saw among what the runner sees."""
        if self.dead is None:
            for one in seen:
                self.reports.put(one, len(str(one.data)))

    async def close(self) -> None:
        """Closes the connection, which ends the box."""
        self._writer.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def end(self, reason: str) -> None:
        """Gives the box up: what is awaited of it, now or later, raises ``BoxDied``."""
        self._die(reason)
        self._writer.close()

    # -- inside ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _waiting(self, pending: _Pending) -> Iterator[int]:
        """The number under which the answer comes; what comes under it later is void."""
        if self.dead is not None:
            raise BoxDied(self.dead)
        identity = next(self._ids)
        self._pending[identity] = pending
        try:
            yield identity
        finally:
            self._pending.pop(identity, None)

    async def _asked(
        self, pending: _Pending, operation: str, body: bytes, arguments: dict[str, Any]
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                with self._waiting(pending) as identity:
                    await self._ask(identity, operation, body, arguments)
                    return _granted(await pending.answer)
        except TimeoutError as error:
            raise BoxFault(f"the runner did not answer {operation} in {ANSWER_SECONDS:.0f} s") from error

    async def _ask(self, identity: int, operation: str, body: bytes, arguments: dict[str, Any]) -> None:
        try:
            await self._send({"id": identity, "op": operation, **arguments}, body)
        except OSError as error:
            raise BoxDied("the box closed its control connection") from error

    async def _send(self, header: dict[str, Any], body: bytes) -> None:
        self._writer.write(frames.head(header, len(body)))
        if body:
            self._writer.write(body)
        await self._writer.drain()

    async def _read(self) -> None:
        try:
            while True:
                self._dispatch(*await frames.receive(self._reader))
        except (OSError, EOFError):
            self._die("the box ended")
        except BoxFault as error:
            self._die(f"the runner broke the protocol: {error}")
        except asyncio.CancelledError:
            self._die("the box was closed")
            raise

    def _dispatch(self, header: dict[str, Any], body: bytes) -> None:
        if "seen" in header:
            self.reports.put(frames.report(header), len(str(header)))
            return
        name = next((name for name in ("output", "piece", "id") if name in header), "id")
        identity = header.get(name)
        if type(identity) is not int:
            raise BoxFault("the runner sent a frame that belongs to no request")
        pending = self._pending.get(identity)
        if pending is None or pending.answer.done():
            return  # a request that was given up
        if name == "output":
            _take_output(pending, header, body)
        elif name == "piece":
            _take_piece(pending, header, body)
        else:
            pending.answer.set_result(header)

    def _die(self, reason: str) -> None:
        if self.dead is not None:
            return
        self.dead = reason
        for pending in self._pending.values():
            _fail(pending, BoxDied(reason))
        self._pending.clear()
        self.reports.end()


def _future() -> asyncio.Future[dict[str, Any]]:
    return asyncio.get_running_loop().create_future()


def _granted(header: dict[str, Any]) -> dict[str, Any]:
    """What an answer holds."""
    if "error" in header:
        raise BoxFault(str(header["error"])[:_MAX_ERROR])
    answer = header.get("ok")
    if not isinstance(answer, dict):
        raise BoxFault("the runner's answer has no form")
    return answer


def _take_output(pending: _Pending, header: dict[str, Any], body: bytes) -> None:
    stream = header.get("stream")
    if stream not in ("stdout", "stderr") or type(header.get("full")) is not bool:
        raise BoxFault("the runner's output has no form")
    kept = pending.output[stream]
    if len(kept) + len(body) > pending.cap:
        raise BoxFault("the runner sent more output than was asked for")
    kept += body
    if header["full"]:
        pending.full.set()


def _take_piece(pending: _Pending, header: dict[str, Any], body: bytes) -> None:
    path = header.get("path")
    if pending.spool is None or not isinstance(path, str):
        raise BoxFault("the runner sent a piece that nobody asked for")
    try:
        pending.spool.add(path, body)
    except StorageFault as fault:
        _fail(pending, fault)


def _fail(pending: _Pending, error: Exception) -> None:
    if not pending.answer.done():
        pending.answer.set_exception(error)
        # Nobody may be waiting for it any more.
        pending.answer.exception()


def reason(said: dict[str, Any], sensor: str) -> str | None:
    """Why the runner has no such sensor, by what it said; None if it has."""
    told = said.get(sensor, "the runner has none")
    return None if told is None else str(told)[:200]
