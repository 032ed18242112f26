"""One answer on its way from the model, which says it piece by piece, to a client that asked for a stream."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

from sandbox.door.apis.base import ReplyStream
from sandbox.http import Refused, unavailable
from sandbox.models.base import ChatReply, Piece, ToolCall

#: Ends with the call's turn and its reply, or raises what the client is to be told.
Answering = asyncio.Task[tuple[int, ChatReply]]


class Relay:
    """Keeps what was said so far: a client that is slow, or gone, holds up nobody."""

    def __init__(self) -> None:
        self.turn = 0
        self.pieces: list[Piece] = []
        self._news = asyncio.Event()

    def listener(self, turn: int) -> Callable[[Piece], None]:
        """Takes the pieces of the answer to the call of that number."""
        self.turn = turn
        return self._hear

    def _hear(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self._news.set()

    async def begun(self, answering: Answering) -> None:
        """Returns when the first piece has come, or when ``answering`` has ended without one."""
        answering.add_done_callback(lambda _: self._news.set())
        await self._news.wait()

    async def events(self, stream: ReplyStream, answering: Answering) -> AsyncGenerator[bytes, None]:
        """The events of ``stream`` as they come, its end or the reason why it broke off included."""
        told = 0
        while told < len(self.pieces) or not answering.done():
            await self._news.wait()
            self._news.clear()
            fresh = self.pieces[told:]
            told += len(fresh)
            if fresh:
                yield b"".join(event for piece in fresh for event in stream.piece(piece))
        yield b"".join(_ending(stream, answering))

    def cut(self) -> ChatReply:
        """What was said so far, as a reply that broke off."""
        calls: dict[int, ToolCall] = {}
        for piece in self.pieces:
            if piece.call is None:
                continue
            call = piece.begun or calls[piece.call]
            calls[piece.call] = replace(call, arguments=call.arguments + piece.arguments)
        text = "".join(piece.text for piece in self.pieces)
        return ChatReply(text, None, None, "cut", tool_calls=tuple(calls.values()))


def _ending(stream: ReplyStream, answering: "asyncio.Task[Any]") -> list[bytes]:
    try:
        _, reply = answering.result()
        return stream.end(reply)
    except Refused as refused:
        return stream.broken(refused)
    except (Exception, asyncio.CancelledError):
        # The episode is told of it where it happened.
        return stream.broken(unavailable())
