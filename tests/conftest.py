"""What all tests share: the engine and real boxes, where there are any, and a model server on loopback."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import settings

from sandbox.engine.container import Engine
from sandbox.engine.image import require_image
from sandbox.errors import TidegaugeError


def pytest_configure(config: pytest.Config) -> None:
    """Lets programs that tests start be interrupted, also where the tests run in the background of a
    shell, which has them ignore Ctrl-C: a handled signal is a program's default again. And has property
    tests try the same examples each time: what a new one finds is no verdict on the change at hand."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # How long an example takes is the machine's matter.
    settings.register_profile("searching", deadline=None)
    settings.register_profile("repeated", deadline=None, derandomize=True)
    settings.load_profile(config.getoption("--hypothesis-profile") or "repeated")


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Self-tests that runs keep are this session's own: taken once, and not the user's."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The machine's container engine; tests that need it are skipped where none answers."""
    try:
        engine = Engine()
    except TidegaugeError as error:
        pytest.skip(f"no container engine: {error}")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """The id of the episode image, which `make test` builds."""
    return require_image(engine)


#: An answer: its status, its body, further headers.
Told = tuple[int, bytes, dict[str, str]]


def completion(text: str | None = "hello", **changes: Any) -> Told:
    """A whole chat completion of 7 tokens in and 2 out."""
    message = {"role": "assistant", "content": text, **changes.pop("message", {})}
    value = {
        "model": "served-name",
        "choices": [{"index": 0, "message": message, "finish_reason": changes.pop("finish", "stop")}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
    }
    return 200, json.dumps({**value, **changes}).encode(), {}


def failure(status: int, message: str = "no", **headers: str) -> Told:
    """An error document."""
    return status, json.dumps({"error": {"message": message, "type": "t"}}).encode(), headers


#: Parts of an answer that comes bit by bit; before what follows an event, that event is waited for.
Parts = list[bytes | threading.Event]
_PART_SECONDS = 60.0


def streamed(*parts: Any) -> Parts:
    """An answer of server-sent events: a value is an event's data, text and bytes are sent as they are."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    return [head, *(_part(part) for part in parts)]


def _part(part: Any) -> bytes | threading.Event:
    if isinstance(part, bytes | threading.Event):
        return part
    return (part if isinstance(part, str) else f"data: {json.dumps(part)}\n\n").encode()


def chunk(text: str | None = None, finish: str | None = None, **changes: Any) -> dict[str, Any]:
    """A chunk of a chat completion's stream."""
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": {**delta, **changes.pop("delta", {})}, "finish_reason": finish}
    return {"model": "served-name", "choices": [choice], **changes}


#: The last events of such a stream, with the counts of ``completion``.
USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
DONE = "data: [DONE]\n\n"


class Upstream:
    """A model server. Answers each POST with the next of ``told``; the last repeats. A number is seconds of silence
    before the answer after it; bytes are sent as they are, a list's one after the other, and the connection is
    closed."""

    def __init__(self) -> None:
        self.completion, self.failure = completion, failure
        self.streamed, self.chunk, self.usage, self.done = streamed, chunk, USAGE, DONE
        self.told: list[Told | bytes | float | Parts] = [completion()]
        #: Events of an answer's parts that nobody set.
        self.unheard = 0
        self.seen: list[tuple[float, str, dict[str, str], Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.seen.append((time.monotonic(), self.path, headers, body))
                self.answer(server.next())

            def do_GET(self) -> None:
                self.answer(server.models)

            def answer(self, told: Told | bytes | Parts) -> None:
                if isinstance(told, bytes | list):
                    for part in [told] if isinstance(told, bytes) else told:
                        if isinstance(part, bytes):
                            self.wfile.write(part)
                        elif not part.wait(_PART_SECONDS):
                            server.unheard += 1
                    return
                status, body, headers = told
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self.models: Told = (200, b'{"object": "list", "data": []}', {})
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def next(self) -> Told | bytes | Parts:
        with self._lock:
            silence = self.told.pop(0) if isinstance(self.told[0], float) else 0.0
            told = self.told.pop(0) if len(self.told) > 1 else self.told[0]
        time.sleep(silence)
        return told

    @property
    def bodies(self) -> list[Any]:
        return [body for _, _, _, body in self.seen]

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A model server on loopback that answers as it is told, faults included."""
    server = Upstream()
    yield server
    server.close()
