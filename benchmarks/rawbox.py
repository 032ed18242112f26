"""What people do without tidegauge: a plain container for each episode, by the engine's own interface."""

import itertools
import os
import threading
from typing import Any

import docker

OWNER = f"bench-raw-{os.getpid()}"
_NUMBERS = itertools.count()
_THREAD = threading.local()


def _api() -> Any:
    """A connection for each thread."""
    if not hasattr(_THREAD, "api"):
        _THREAD.api = docker.APIClient(timeout=60)
    return _THREAD.api


def _create(image: str, command: list[str]) -> str:
    made = _api().create_container(
        image, name=f"{OWNER}-{next(_NUMBERS)}", entrypoint=command, stdin_open=True,
        host_config=_api().create_host_config(network_mode="none"),
    )  # fmt: skip
    return str(made["Id"])


def exec_episode(image: str, commands: list[str], read: str) -> bytes:
    """One exec for each command, one to read the file; what it holds."""
    container = _create(image, ["sleep", "1000"])
    try:
        _api().start(container)
        for command in [*commands, read]:
            told: bytes = _api().exec_start(_api().exec_create(container, ["bash", "-c", command])["Id"])
        return told
    finally:
        _api().remove_container(container, force=True, v=True)


def shell_episode(image: str, commands: list[str], read: str) -> bytes:
    """One shell for the whole episode, whose standard input and output are attached."""
    container = _create(image, ["bash"])
    try:
        stream = _api().attach_socket(container, params={"stdin": 1, "stdout": 1, "stream": 1})
        _api().start(container)
        try:
            for command in [*commands, read]:
                told = _said(stream, command)
        finally:
            stream._sock.close()
        return told
    finally:
        _api().remove_container(container, force=True, v=True)


def _said(stream: Any, command: str) -> bytes:
    """Sends a command and reads what it prints up to a mark, frame by frame."""
    stream._sock.sendall(f"{command}; echo\necho '=mark='\n".encode())
    told = b""
    while not told.endswith(b"\n=mark=\n"):
        header = _exactly(stream._sock, 8)
        told += _exactly(stream._sock, int.from_bytes(header[4:], "big"))
    return told.removesuffix(b"\n=mark=\n")


def _exactly(sock: Any, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = sock.recv(size - len(data))
        if not chunk:
            raise ConnectionError("the container ended")
        data += chunk
    return data
