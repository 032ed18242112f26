"""The model on loopback, for as long as it is needed."""

import contextlib
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from experiments.llm.installed import Installed
from sandbox.errors import Mistake

#: The name by which the server knows the model.
MODEL: Final = "smollm2-135m-instruct"
#: What ``configs/llm.yaml`` names.
PORT: Final = 8431
LOOPBACK: Final = "127.0.0.1"
_PROGRAM: Final = Path(__file__).with_name("serve.py")
#: Tokens: the demonstrations and the last exchanges of `fewshot` are below 3000.
_CONTEXT: Final = 4096
_READY_SECONDS: Final = 60
_STOP_SECONDS: Final = 5


@contextlib.contextmanager
def serving(installed: Installed, port: int = PORT) -> Iterator[str]:
    """Serves the model on loopback while the context lasts; gives the base URL of its API.

    One thread: two stall on a busy machine. In a session of its own, so that a Ctrl-C for the one
    who uses it does not take it away first.

    Args:
        installed: where the server and the weights are.
        port: a free TCP port.

    Raises:
        Mistake: the port is taken, or the server does not come up.
    """
    _check_free(port)
    log = installed.root / "server.log"
    options = {
        "model": installed.weights(), "model_alias": MODEL, "host": LOOPBACK, "port": port,
        "n_ctx": _CONTEXT, "n_batch": 256, "n_threads": 1, "n_threads_batch": 1,
    }  # fmt: skip
    command = [str(installed.python), "-I", str(_PROGRAM)]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        url = f"http://{LOOPBACK}:{port}/v1"
        _await_answer(server, url, log)
        yield url
    finally:
        _stop(server)


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            remedy = "name a free one with --port (`make llm PORT=…`)"
            raise Mistake(
                f"port {port} is taken ({error.strerror})", where=LOOPBACK, remedy=remedy
            ) from error


def _await_answer(server: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            raise Mistake(f"ended with {server.returncode}", where="model server", remedy=f"see {log}")
        try:
            with urllib.request.urlopen(f"{url}/models", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    problem = f"did not answer within {_READY_SECONDS} s"
    raise Mistake(problem, where="model server", remedy=f"see {log}")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    if server.stdin is not None:
        server.stdin.close()
