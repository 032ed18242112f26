"""The box's own name server: what it answers, and that every name that is asked for is told."""

import asyncio
import importlib.util
import json
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.assets import image_dir
from sandbox.box import BoxRequest
from sandbox.door.budget import Budget
from sandbox.door.door import Door
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBox, DockerBoxes
from sandbox.limits import Limits


def program_of_the_box(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, image_dir() / "runner" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sinkhole = program_of_the_box("sinkhole")


def query(*labels: bytes, kind: int = 1, flags: int = 0x0100) -> bytes:
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return struct.pack("!6H", 0xBEEF, flags, 1, 0, 0, 0) + name + struct.pack("!HH", kind, 1)


def test_any_name_is_answered_as_unknown_and_told() -> None:
    asked = query(b"Example", b"com", kind=28)
    reply, question = sinkhole.answer(asked)
    # Response, recursion desired and available, no such name; one question, no answer.
    assert reply == b"\xbe\xef\x81\x83\0\1\0\0\0\0\0\0" + asked[12:]
    assert question == ("example.com", "AAAA")


@pytest.mark.parametrize(
    ("asked", "question"),
    [
        (query(b"a.b", b"\x1b[2J", b'"\xff'), ('a\\.b.\\027[2j.\\"\\255', "A")),
        (query(), (".", "A")),
        (query(b"x", kind=999), ("x", "999")),
        (query(b"x")[:-1], None),
        (query(*[b"x" * 63] * 5), None),
        (struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1", None),
    ],
)
def test_names_of_any_bytes_are_shown_printable_and_what_is_no_question_is_told_as_such(
    asked: bytes, question: tuple[str, str] | None
) -> None:
    reply, found = sinkhole.answer(asked)
    assert found == question
    assert reply[3] & 0xF == (1 if question is None else 3)


@given(st.binary(max_size=400))
def test_any_datagram_is_answered_within_its_own_length_or_refused(data: bytes) -> None:
    try:
        reply, question = sinkhole.answer(data)
    except ValueError:
        assert len(data) < 12 or data[2] & 0x80
        return
    assert reply[:2] == data[:2]
    assert len(reply) <= max(len(data), 12)
    assert question is None or (question[0].isprintable() and len(question[0]) <= 4 * 256)


@pytest.fixture
def in_box(engine: Engine, image: str, tmp_path: Path) -> Callable[..., None]:
    """Runs a coroutine function in a fresh box that has a door."""

    def run(work: Callable[[DockerBox], Awaitable[None]]) -> None:
        async def main() -> None:
            async with Door(tmp_path / "d", None, (), Budget(1, 1), lambda *_: None):
                name = f"tidegauge-names-{os.getpid()}"
                asked = BoxRequest(name, Limits(), tmp_path / "d", {"owner": "names", "episode": name})
                async with DockerBoxes(engine, image=image).open(asked) as box:
                    assert box.sensors["dns"] is None
                    await work(box)

        asyncio.run(main())

    return run


async def python(box: DockerBox, code: str) -> bytes:
    done = await box.run(
        ["python3", "-c", code], cwd="/work", env={"HOME": "/work"}, output=65_536, timeout=100
    )
    return done.stdout


def names(box: DockerBox) -> list[dict[str, Any]]:
    return [seen.data for seen in box.drain() if seen.kind == "dns.query"]


@pytest.mark.box
def test_a_name_that_a_program_looks_up_is_unknown_at_once_and_told(in_box: Callable[..., None]) -> None:
    code = "import socket\ntry: socket.getaddrinfo('pypi.org', 443, socket.AF_INET)\nexcept OSError as e: print(e)"

    async def work(box: DockerBox) -> None:
        assert await python(box, code) == b"[Errno -2] Name or service not known\n"
        await box.kill_all()
        assert names(box) == [{"name": "pypi.org", "type": "A", "protocol": "udp", "count": 1}]

    in_box(work)


@pytest.mark.box
def test_questions_over_tcp_in_pieces_are_answered_and_told(in_box: Callable[..., None]) -> None:
    asked = query(b"slow", b"test")
    code = (
        f"import socket, time; s = socket.create_connection(('127.0.0.1', 53)); q = {asked!r}\n"
        "q = len(q).to_bytes(2) + q\n"
        "for byte in q + q: s.send(bytes([byte])); time.sleep(0.001)\n"
        "print(len(s.recv(1000, socket.MSG_WAITALL) if s.shutdown(1) is None else b''))"
    )

    async def work(box: DockerBox) -> None:
        assert await python(box, code) == b"%d\n" % (2 * (2 + len(asked)))
        await box.kill_all()
        assert [(told["name"], told["count"]) for told in names(box)] == [("slow.test", 1), ("slow.test", 2)]

    in_box(work)


@pytest.mark.box
def test_a_flood_of_names_is_bounded_counted_and_leaves_the_server_answering(
    in_box: Callable[..., None],
) -> None:
    code = f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('127.0.0.1', 53)); s.settimeout(60)
head, tail = {query(b"x")[:12]!r}, {query(b"x")[14:]!r}
for n in range(1100):
    s.send(head + bytes([len(str(n))]) + str(n).encode() + tail); s.recv(600)
"""

    async def work(box: DockerBox) -> None:
        await python(box, code)
        await box.kill_all()
        told = len(names(box))
        assert (told + box.lost["dns"], told >= 500) == (1100, True)
        assert await python(box, "import socket; print(socket.getfqdn())") == b"box\n"

    in_box(work)


def test_a_canary_that_was_asked_for_twice_of_a_slow_server_is_no_name_that_the_agent_tried(
    runner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a loaded host: the server comes to the first question after the second was sent."""
    served, (read, write) = runner.services.Services(False), os.pipe2(os.O_NONBLOCK)
    served.pid, served.pipe = os.getpid(), read

    def tell(asked: bytes, count: int) -> None:
        _, question = sinkhole.answer(asked)
        assert question is not None
        os.write(write, json.dumps({"name": question[0], "count": count}).encode() + b"\n")

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        monkeypatch.setattr(runner.services, "ADDRESS", server.getsockname())

        def serve() -> None:
            questions = [server.recvfrom(512) for _ in range(2)]
            tell(questions[0][0], 1)
            server.sendto(b"no", questions[0][1])
            tell(questions[1][0], 2)

        thread = threading.Thread(target=serve)
        thread.start()
        assert served.canary() is None
        thread.join()
    os.write(write, b'{"name": "example.com", "count": 1}\n')
    assert served.reports() == [{"name": "example.com", "count": 1}]


@pytest.mark.skipif(os.geteuid() != 0, reason="the server runs as another user")
def test_what_is_asked_of_whoever_took_the_port_is_known_to_be_missed(
    runner: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner.forwarder, "DOOR", str(tmp_path / "d"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        monkeypatch.setattr(runner.sinkhole, "ADDRESS", other.getsockname())
        services = runner.services.Services(False)
        assert services.start(lambda: None)
        try:
            while not services.lost:
                time.sleep(0.01)
        finally:
            os.kill(services.pid, signal.SIGKILL)
            os.waitpid(services.pid, 0)
            os.close(services.pipe)
    assert services.lost == 1
