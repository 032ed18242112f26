"""Whether a verifier reaches out of its box, by what the sensors saw."""

import pytest

from sandbox.box import Seen
from tasks.harbor.verifier import leaves


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
