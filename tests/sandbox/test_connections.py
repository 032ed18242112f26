"""Connections are accepted one by one, and accepting may be given up at any time."""

import asyncio
import os
import socket
from typing import Any

from sandbox.door.connections import accepted
from sandbox.door.httpserver import HttpServer
from sandbox.http import Bounds, Refused, Request, Response


def test_what_comes_in_while_accepting_is_given_up_is_left_for_the_next_and_no_error() -> None:
    wrong: list[dict[str, Any]] = []

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: wrong.append(context))
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
            listener.setblocking(False)
            waiting = asyncio.create_task(accepted(listener))
            await asyncio.sleep(0)
            client.connect(listener.getsockname())
            # Comes before the news of the connection, in the same turn of the loop.
            loop.call_soon(waiting.cancel)
            await asyncio.wait({waiting})
            assert waiting.cancelled()
            with await accepted(listener) as again:
                client.sendall(b"still here")
                return await loop.sock_recv(again, 100)

    assert asyncio.run(main()) == b"still here"
    assert wrong == []


class Silent:
    """Answers nothing: nobody asks."""

    async def answer(self, request: Request) -> Response:
        raise AssertionError(request)

    def refuse(self, refusal: Refused, path: str) -> Response:
        raise AssertionError(refusal)

    def fail(self, error: Exception) -> None:
        raise error


def test_a_server_that_is_closed_before_it_could_listen_leaves_no_descriptor() -> None:
    async def left() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            server = HttpServer(listener, Silent(), Bounds())
            before = len(os.listdir("/proc/self/fd"))
            await server.open()
            await server.close()
            return len(os.listdir("/proc/self/fd")) - before

    assert asyncio.run(left()) == 0
