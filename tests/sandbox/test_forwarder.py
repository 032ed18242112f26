"""The way from the box's loopback to the door: the host's own listener, or byte for byte where it can have none."""

import os
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture
def forwarder(
    runner: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SimpleNamespace]:
    monkeypatch.setattr(runner.forwarder, "DOOR", str(tmp_path / "d"))
    monkeypatch.setattr(runner.forwarder, "PORT", 0)
    yield runner.forwarder


def test_the_host_gets_the_listener_and_serves_what_connects_to_it(forwarder: SimpleNamespace) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.send(b"+")
        assert forwarder.hand_over(theirs)
        word, (descriptor,), _, _ = socket.recv_fds(ours, 1, 4)
    assert word == b"+"
    with socket.socket(fileno=descriptor) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        with (
            socket.create_connection(listener.getsockname()) as client,
            closing(listener.accept()[0]) as served,
        ):
            assert served.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            client.sendall(b"ask")
            assert served.recv(10) == b"ask"


def test_a_connection_that_takes_no_descriptor_is_told_so_and_the_port_is_free_again(
    forwarder: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setattr(forwarder, "PORT", port)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as theirs,
    ):
        ours, _ = listener.accept()
        with ours:
            ours.send(b"-")
            assert not forwarder.hand_over(theirs)
            assert socket.recv_fds(ours, 10, 4)[1] == []
    socket.create_server(("127.0.0.1", port)).close()


def test_a_box_without_a_door_hands_nothing_over(
    forwarder: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarder, "DOOR", "/nowhere/d")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.send(b"-")
        assert not forwarder.hand_over(theirs)
        assert socket.recv_fds(ours, 10, 4)[:2] == (b"-", [])


def test_bytes_and_ends_of_stream_are_forwarded_both_ways(forwarder: SimpleNamespace) -> None:
    selector = selectors.DefaultSelector()
    forwarding = forwarder.Forwarder(selector)

    def serve() -> None:
        while forwarding.open or not answered.is_set():
            for key, mask in selector.select(0.05):
                key.data(mask)

    answered = threading.Event()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(forwarder.DOOR)
        door.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        with socket.create_connection(forwarding.listener.getsockname()) as client:
            client.sendall(b"x" * 300_000)
            client.shutdown(socket.SHUT_WR)
            served, _ = door.accept()
            with served, served.makefile("rb") as reading:
                assert reading.read() == b"x" * 300_000
                served.sendall(b"y" * 300_000)
            with client.makefile("rb") as reading:
                assert reading.read() == b"y" * 300_000
        answered.set()
        thread.join()
    assert forwarding.open == 0
    forwarding.listener.close()
    selector.close()
    os.unlink(forwarder.DOOR)
