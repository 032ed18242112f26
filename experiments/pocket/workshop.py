"""Runs an agent's commands in a drawn world without a box, fast enough to make lessons.

Only for this project's own scripted agents and its own tools: nothing is locked up here. A tool
written in Python runs in this process, its paths (/work, /task, /agent, /logs) turned to a temporary
directory; anything else goes to bash. The scaffold that is laid out runs in this process as well, with
its model given. Services answer at a loopback port as they do at the door.
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sandbox.files import FileSpec
from sandbox.service import Service, ServiceRequest

_PLACE = re.compile(r"(?<![\w/.])/(?=(?:work|task|agent|logs)\b)")

#: A scaffold's messages, as its API has them.
Messages = list[dict[str, str]]


class Workshop:
    """A world laid out under ``root``."""

    def __init__(self, root: Path, files: Iterable[FileSpec], agent: Iterable[FileSpec]) -> None:
        self.root = root
        for folder in ("work", "task", "agent", "logs/agent"):
            (root / folder).mkdir(parents=True)
        # The scaffold's programs are imported or started by tools, which turn only their own paths.
        programs = (FileSpec(f"agent/{file.path}", self._placed(file)) for file in agent)
        for file in (*files, *programs):
            path = root / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)

    def start(self, model: Callable[[Messages], str]) -> int:
        """Runs the scaffold as it lies in /agent, with ``model`` for its ``ask``; its exit code."""
        program = self.root / "agent/main.py"
        with self._importing(program.parent):
            scaffold: dict[str, Any] = {"__name__": "scaffold", "__file__": str(program)}
            exec(compile(program.read_text(), str(program), "exec"), scaffold)
            scaffold["ask"] = lambda _, messages: model(messages)
            # Tools run in this process; what ours print is short enough to be shown whole.
            scaffold["run"] = lambda command, seconds, characters: self.run(command)
            return int(scaffold["main"]())

    def run(self, command: str) -> tuple[int, str]:
        """Exit code and output of ``command`` in /work; of a tool in Python, 0 and what it printed.

        Raises:
            BaseException: such a tool's own, SystemExit included.
        """
        words = shlex.split(command)
        if words[0] in ("python", "python3") and not set("|;&><\n") & set(command):
            code, output = 0, self._python([self._here(word) for word in words[1:]])
        else:
            ended = subprocess.run(
                ["bash", "-c", self._here(command)], cwd=self.root / "work", check=False, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            code, output = ended.returncode, ended.stdout
        return code, output.replace(f"{self.root}/", "/")

    def _here(self, text: str) -> str:
        return _PLACE.sub(f"{self.root}/", text)

    def _placed(self, file: FileSpec) -> bytes:
        return self._here(file.content.decode()).encode() if file.path.endswith(".py") else file.content

    def _python(self, arguments: Sequence[str]) -> str:
        """Runs one of our tools as ``__main__`` in this process; gives what it printed."""
        program = self.root / "work" / arguments[0]
        code = compile(self._here(program.read_text()), str(program), "exec")
        shown, argv = io.StringIO(), sys.argv
        sys.argv = [str(program), *arguments[1:]]
        try:
            with self._importing(program.parent), contextlib.redirect_stdout(shown):
                exec(code, {"__name__": "__main__", "__file__": str(program)})
        finally:
            sys.argv = argv
        return shown.getvalue()

    @contextlib.contextmanager
    def _importing(self, folder: Path) -> Iterator[None]:
        """In /work, with the modules of ``folder`` at hand, and those of this world forgotten after."""
        path, before = sys.path[:], dict(sys.modules)
        for name in [name for name in before if name.partition(".")[0] == "tools"]:
            del sys.modules[name]
        sys.path.insert(0, str(folder))
        try:
            with contextlib.chdir(self.root / "work"):
                yield
        finally:
            sys.path[:] = path
            for name in set(sys.modules) - set(before):
                if self._owns(sys.modules[name]):
                    del sys.modules[name]
            sys.modules.update({name: module for name, module in before.items() if name not in sys.modules})

    def _owns(self, module: object) -> bool:
        """Whether a module, or a package without a file of its own, lies in this world."""
        places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        return any(str(place).startswith(f"{self.root}/") for place in places)


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
        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers["Content-Length"])))

        def _serve(self, body: bytes) -> None:
            service = next(service for service in services if self.path.startswith(service.prefix))
            request = ServiceRequest(self.command, self.path.removeprefix(service.prefix), body)
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
