"""A request to a runner that waits for its answer."""

import asyncio
from typing import Any, Final

from sandbox.errors import BoxFault, StorageFault
from sandbox.link.spool import Spool

_MAX_ERROR: Final = 1_000


class Pending:
    """One request, and what came for it meanwhile."""

    def __init__(self, *, cap: int = 0, spool: Spool | None = None) -> None:
        """
        Args:
            cap: bytes of each stream that may come.
            spool: where pieces of files go.
        """
        self.answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.output = {"stdout": bytearray(), "stderr": bytearray()}
        #: Set once a stream holds as much as may come.
        self.full = asyncio.Event()
        self._cap, self._spool = cap, spool

    async def granted(self) -> dict[str, Any]:
        """What the answer holds, once it is there.

        Raises:
            BoxFault: the runner refused.
        """
        header = await self.answer
        if "error" in header:
            raise BoxFault(str(header["error"])[:_MAX_ERROR])
        answer = header.get("ok")
        if not isinstance(answer, dict):
            raise BoxFault("the runner's answer has no form")
        return answer

    def take_output(self, header: dict[str, Any], body: bytes) -> None:
        """Takes what a program printed.

        Raises:
            BoxFault: it has no form, or is more than was asked for.
        """
        stream = header.get("stream")
        if stream not in ("stdout", "stderr") or type(header.get("full")) is not bool:
            raise BoxFault("the runner's output has no form")
        kept = self.output[stream]
        if len(kept) + len(body) > self._cap:
            raise BoxFault("the runner sent more output than was asked for")
        kept += body
        if header["full"]:
            self.full.set()

    def take_piece(self, header: dict[str, Any], body: bytes) -> None:
        """Takes a piece of a file; a disk that refuses it ends the request.

        Raises:
            BoxFault: nobody asked for it.
        """
        path = header.get("path")
        if self._spool is None or not isinstance(path, str):
            raise BoxFault("the runner sent a piece that nobody asked for")
        try:
            self._spool.add(path, body)
        except StorageFault as fault:
            self.fail(fault)

    def fail(self, error: Exception) -> None:
        """Ends it, unless it has its answer."""
        if not self.answer.done():
            self.answer.set_exception(error)
            # Nobody may be waiting for it any more.
            self.answer.exception()
