"""The host's end of the control connection to an in-box runner.

The runner is trusted to have been started first and to be out of the agent's reach; what it sends
is bounded and parsed strictly all the same (``frames``, ``answers``).
"""

import asyncio
import contextlib
import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Final

from sandbox.box import Completed, Seen
from sandbox.errors import BoxDied, BoxFault
from sandbox.files import Collection
from sandbox.link import answers, frames
from sandbox.link.pending import Pending
from sandbox.link.reports import Reports
from sandbox.link.spool import Spool

#: Seconds for an answer to anything but a program's run, which its caller bounds.
ANSWER_SECONDS: Final = 60.0


class Link:
    """Requests and answers over one control connection, and the stream of what the runner sees."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._ids = itertools.count(1)
        self._pending: dict[int, Pending] = {}
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
        return await self._asked(Pending(), operation, body, arguments)

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
        pending = Pending(spool=spool)
        answer = await self._asked(pending, "collect", b"", {"root": root, **bounds})
        return answers.collection(answer, spool, root)

    async def run(self, output: int, **arguments: Any) -> Completed:
        """Runs a program to its end; at most ``output`` bytes of each stream are kept."""
        pending = Pending(cap=output)
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
        return answers.completed(await pending.granted(), stdout, stderr)

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
    def _waiting(self, pending: Pending) -> Iterator[int]:
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
        self, pending: Pending, operation: str, body: bytes, arguments: dict[str, Any]
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                with self._waiting(pending) as identity:
                    await self._ask(identity, operation, body, arguments)
                    return await pending.granted()
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
            pending.take_output(header, body)
        elif name == "piece":
            pending.take_piece(header, body)
        else:
            pending.answer.set_result(header)

    def _die(self, reason: str) -> None:
        if self.dead is not None:
            return
        self.dead = reason
        for pending in self._pending.values():
            pending.fail(BoxDied(reason))
        self._pending.clear()
        self.reports.end()


def reason(said: dict[str, Any], sensor: str) -> str | None:
    """Why the runner has no such sensor, by what it said; None if it has."""
    told = said.get(sensor, "the runner has none")
    return None if told is None else str(told)[:200]
