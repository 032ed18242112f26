"""Reaching a Ray cluster: whether one answers at an address, and the connection to it."""

import os
import socket
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from sandbox.errors import Mistake

#: The custom resource that a container host offers: how many episodes it takes at a time.
RESOURCE: Final = "sandbox"
#: In which runners have names, so that they can be told apart in Ray's own tools.
NAMESPACE: Final = "tidegauge"
_ANSWER_SECONDS: Final = 5
#: What a client of HTTP/2 says first, with an empty SETTINGS frame (RFC 9113, 3.4); gRPC lies on it.
_GREETING: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_REQUEST: Final = b"HEAD /api/version HTTP/1.0\r\n\r\n"
#: Length of a frame's header in HTTP/2; its fourth byte is the type, of SETTINGS 4.
_HEADER: Final = 9
_CLIENT: Final = "ray://"
_CLIENT_ATTEMPTS: Final = 3

Say = Callable[[str], None]


def connect(address: str | None, slots: int, say: Say) -> None:
    """Starts a local Ray, or connects to a cluster.

    Args:
        address: None starts a local Ray; ``host:port`` or ``ray://…`` connects.
        slots: episodes at a time on a local Ray.
        say: takes a line for the user.

    Raises:
        Mistake: Ray refused.
    """
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "namespace": NAMESPACE}
    if address is None:
        options |= {"address": "local", "include_dashboard": False, "resources": {RESOURCE: slots}}
    else:
        options |= {"address": address}
    attempts = _CLIENT_ATTEMPTS if address is not None and address.startswith(_CLIENT) else 1
    for attempt in range(1, attempts + 1):
        # Ray's client server forks a process for each client, which gRPC's threads sometimes break:
        # ray-project/ray#63202. It has not begun anything then.
        refused = _init(options, last=attempt == attempts)
        if refused is None:
            return
        say(f"Ray: its client server did not start ({refused}); connecting again")


def _init(options: dict[str, Any], *, last: bool) -> str | None:
    """Connects. Why not, in Ray's words, where another attempt may go better.

    Raises:
        Mistake: this was the ``last`` attempt, or another would not go better.
    """
    import ray
    from ray.exceptions import RayError

    try:
        ray.init(**options)
    except ConnectionAbortedError as error:
        said = str(error).strip().rsplit("\n", 1)[-1].rstrip(".")
        if not last:
            return said
        remedy = "set GRPC_ENABLE_FORK_SUPPORT=0 before `ray start --head` there, or write host:port"
        problem = f"its client server does not start: {said}"
        raise Mistake(problem, where="Ray", key="ray.address", remedy=remedy) from error
    except (ConnectionError, ImportError, RuntimeError, ValueError, RayError) as error:
        first = str(error).strip().split("\n", 1)[0]
        remedy = "`ray status` says more; a cluster with tokens needs RAY_AUTH_MODE=token and the token here"
        raise Mistake(first, where="Ray", key="ray.address", remedy=remedy) from error
    return None


def check_answers(address: str) -> None:
    """Asks whether a Ray listens, in ``_ANSWER_SECONDS``: Ray itself waits for minutes where none does.

    Args:
        address: ``host:port``, ``ray://host:port`` or ``http://host:port``.

    Raises:
        Mistake: nothing does, or something else, or it is no address.
    """
    scheme, host, port = _parts(address)
    try:
        with socket.create_connection((host, port), timeout=_ANSWER_SECONDS) as connection:
            other = None if _encrypted(scheme) else _other(connection, scheme)
    except OSError as error:
        remedy = "start one with `ray start --head`, or write null"
        problem = f"no cluster answers at {address} ({error.strerror or error})"
        raise Mistake(problem, where="Ray", key="ray.address", remedy=remedy) from error
    if other is not None:
        remedy = "write HEAD:6379, ray://HEAD:10001 or http://HEAD:8265, with the ports of `ray start --head`"
        problem = f"what answers at {address} does not speak {other}"
        raise Mistake(problem, where="Ray", key="ray.address", remedy=remedy)


def _parts(address: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        parts, port = urlsplit(""), None
    known = parts.scheme in ("", "ray", "http", "https")
    # A name before the host is a password's place, and an address is stored and shown.
    if not known or not parts.hostname or port is None or parts.username is not None:
        remedy = "write host:port, ray://host:port or http://host:port"
        raise Mistake(f"{address!r} is no address", where="Ray", key="ray.address", remedy=remedy)
    return parts.scheme, parts.hostname, port


def _encrypted(scheme: str) -> bool:
    return scheme == "https" or (scheme != "http" and os.environ.get("RAY_USE_TLS", "0") != "0")


def _other(connection: socket.socket, scheme: str) -> str | None:
    """The protocol that a Ray speaks at such an address, if the other side does not."""
    http = scheme == "http"
    connection.sendall(_REQUEST if http else _GREETING)
    with connection.makefile("rb") as stream:
        answer = stream.read(_HEADER)
    if http:
        return None if answer.startswith(b"HTTP/") else "HTTP"
    return None if answer[3:4] == b"\x04" else "gRPC"
