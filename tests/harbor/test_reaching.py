"""Whether a verifier reaches out of its box, and for which of its ports, by what the sensors saw."""

import os
import socket

import pytest

from sandbox.box import Seen
from sandbox.sensors.ports import listening
from tasks.harbor.verifier import Verdict, leaves


def asked(family: str, address: str, port: int) -> Seen:
    data = {"call": "connect", "family": family, "address": address, "port": port, "count": 1}
    return Seen("net.connect", data)


@pytest.mark.parametrize(
    ("family", "address", "port"),
    [
        ("inet", "127.0.0.1", 8080),
        ("inet6", "::1", 8080),
        ("inet6", "::ffff:127.0.0.1", 8080),
        ("unix", "/run/db", 0),
    ],
)
def test_the_box_s_own_addresses_are_inside(family: str, address: str, port: int) -> None:
    assert not leaves(asked(family, address, port))


@pytest.mark.parametrize(
    ("family", "address", "port"),
    [
        ("inet", "10.0.0.1", 80),
        ("inet6", "::ffff:10.0.0.1", 80),
        ("inet", "127.0.0.1", 53),
        ("inet6", "2001:db8::1", 80),
    ],
)
def test_other_addresses_and_the_server_of_names_are_not(family: str, address: str, port: int) -> None:
    assert leaves(asked(family, address, port))


def test_the_ports_that_it_asked_for_are_those_of_the_box_itself() -> None:
    seen = [
        asked("inet", "127.0.0.1", 8080), asked("inet6", "::1", 9090), asked("inet", "127.0.0.1", 53),
        asked("inet", "10.0.0.1", 80), asked("unix", "/run/db", 0), Seen("dns.query", {"name": "example.com"}),
    ]  # fmt: skip
    assert Verdict(seen=seen).asked == {8080, 9090}


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_port_is_listened_on_from_when_it_is_until_it_is_closed(
    family: socket.AddressFamily, address: str
) -> None:
    with socket.socket(family) as server:
        server.bind((address, 0))
        port = server.getsockname()[1]
        before = listening(os.getpid())
        server.listen()
        during = listening(os.getpid())
    after = listening(os.getpid())
    assert [port in ports for ports in (before, during, after)] == [False, True, False]
