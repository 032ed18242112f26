"""Runs an agent's commands in a drawn world without a box, fast enough to make lessons.

Only for this project's own scripted agents and its own tools: nothing is locked up here. A tool
written in Python runs in this process, its paths (/work, /task, /agent) turned to a temporary
directory; anything else goes to bash. Services answer at a loopback port as they do at the door.
"""

import contextlib
import http.server
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sandbox.files import FileSpec
from sandbox.service import Service, ServiceRequest

_PLACE = re.compile(r"(?<![\w/.])/(?=(?:work|task|agent)\b)")


class Workshop:
    """A world laid out under ``root``."""

    def __init__(self, root: Path, files: Iterable[FileSpec], agent: Iterable[FileSpec]) -> None:
        self.root = root
        for folder in ("work", "task", "agent"):
            (root / folder).mkdir()
        placed = [*files, *(FileSpec(f"agent/{file.path}", file.content) for file in agent)]
        for file in placed:
            path = root / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)

    def run(self, command: str) -> str:
        """The output of ``command`` in /work.

        Raises:
            CalledProcessError: a shell command failed; a Python tool's own exception likewise.
        """
        words = shlex.split(command)
        if words[0] in ("python", "python3") and not set("|;&><\n") & set(command):
            output = self._python([self._here(word) for word in words[1:]])
        else:
            output = subprocess.run(
                ["bash", "-c", self._here(command)], cwd=self.root / "work", check=True, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            ).stdout  # fmt: skip
        return output.replace(f"{self.root}/", "/")

    def _here(self, text: str) -> str:
        return _PLACE.sub(f"{self.root}/", text)

    def _python(self, arguments: Sequence[str]) -> str:
        """Runs one of our tools as ``__main__`` in this process; gives what it printed."""
        program = self.root / "work" / arguments[0]
        code = compile(self._here(program.read_text()), str(program), "exec")
        shown, before = io.StringIO(), set(sys.modules)
        argv, path = sys.argv, sys.path[:]
        sys.argv, sys.path[:0] = [str(program), *arguments[1:]], [str(program.parent)]
        try:
            with contextlib.chdir(self.root / "work"), contextlib.redirect_stdout(shown):
                exec(code, {"__name__": "__main__", "__file__": str(program)})
        finally:
            sys.argv, sys.path[:] = argv, path
            for name in set(sys.modules) - before:
                if str(getattr(sys.modules[name], "__file__", "")).startswith(str(self.root)):
                    del sys.modules[name]
        return shown.getvalue()


@contextlib.contextmanager
def workshop(
    files: Iterable[FileSpec], agent: Iterable[FileSpec], services: Sequence[Service]
) -> Iterator[Workshop]:
    """A workshop in a temporary directory, with ``services`` where OPENAI_BASE_URL points."""
    with tempfile.TemporaryDirectory() as folder, _door(services) as address:
        before = os.environ.get("OPENAI_BASE_URL")
        os.environ["OPENAI_BASE_URL"] = f"{address}/v1"
        try:
            yield Workshop(Path(folder), files, agent)
        finally:
            del os.environ["OPENAI_BASE_URL"]
            if before is not None:
                os.environ["OPENAI_BASE_URL"] = before


@contextlib.contextmanager
def _door(services: Sequence[Service]) -> Iterator[str]:
    """Serves ``services`` on a loopback port; gives its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service = next(service for service in services if self.path.startswith(service.prefix))
            request = ServiceRequest("POST", self.path.removeprefix(service.prefix), body)
            reply = service.handle(request, lambda kind, data: None)
            value = json.dumps(reply.value).encode()
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(value)))
            self.end_headers()
            self.wfile.write(value)

        def log_message(self, format: str, *args: object) -> None:
            """Keeps quiet: a request line for each call is no news."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
