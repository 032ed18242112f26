"""The seed scaffold: its prompts are pure functions, its tools really run."""

import errno
import http.server
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest

from tasks.inner.weak import WeakSolver
from tasks.inner.weak_service import InnerService
from tests.tasks.doors import serving

ROOT = Path(__file__).parents[2] / "docker" / "scaffolds" / "minimal"
ANSWERS = {f"{a} times 3 plus 1": a * 3 + 1 for a in range(10, 60)}
SOLVER = WeakSolver(b"salt", "check", ANSWERS)


@pytest.fixture
def scaffold(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    spec = importlib.util.spec_from_file_location("minimal_main", ROOT / "main.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def door() -> Iterator[str]:
    with serving(InnerService({"heldout": SOLVER}, {"heldout": 20})) as address:
        yield address


def test_the_opening_is_the_system_prompt_and_the_instruction(scaffold: ModuleType) -> None:
    assert scaffold.opening("Be brief.\n", "", "Do it.\n") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Do it."},
    ]


def test_notes_follow_the_system_prompt_where_there_are_any(scaffold: ModuleType) -> None:
    assert scaffold.opening("Be brief.", "Look first.\n", "x")[0]["content"] == "Be brief.\n\nLook first."


@pytest.mark.parametrize(
    ("reply", "command"),
    [
        ("```bash\nls -l\n```", "ls -l"),
        ("First look.\n```sh\nls\npwd\n```\nThen more.", "ls\npwd"),
        ("```bash\na\n```\n```bash\nb\n```", "a"),
        ("ls -l", None),
        ("```bash\n\n```", None),
        ("```python\nprint()\n```", None),
    ],
)
def test_the_command_is_the_first_fenced_one(scaffold: ModuleType, reply: str, command: str | None) -> None:
    assert scaffold.command_in(reply) == command


def test_an_observation_shows_exit_code_and_output(scaffold: ModuleType) -> None:
    template = scaffold.prompt("observation")
    assert scaffold.observation(template, 0, "a\nb\n") == "exit 0\na\nb"
    assert scaffold.observation(template, 1, "") == "exit 1\n(no output)"


def test_submit_and_restart_end_the_program_and_nothing_else_does(scaffold: ModuleType) -> None:
    assert scaffold.ENDINGS == {"submit": 0, "restart": 75}
    assert scaffold.answer_to("```bash\nsubmit\n```", {}) == 0
    assert scaffold.answer_to("```bash\nrestart\n```", {}) == 75
    assert scaffold.answer_to("submit", {}) == "No command found. Reply with one fenced bash command."


def test_a_long_output_is_cut_and_says_so(scaffold: ModuleType) -> None:
    from_shell = sys.modules[scaffold.run.__module__]
    assert from_shell.cut("abcdef", 3) == "abc\n(cut)"
    assert from_shell.cut("abc", 3) == "abc"


@pytest.mark.parametrize(("style", "votes"), [("plain", 1), ("check", 15)])
def test_the_answering_tool_does_what_its_config_says(
    tmp_path: Path, door: str, style: str, votes: int
) -> None:
    for path in ("config.json", "tools/answer.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes((ROOT / path).read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["answer"] == {"style": "plain", "votes": 1}
    (tmp_path / "config.json").write_text(json.dumps({**config, "answer": {"style": style, "votes": votes}}))
    (tmp_path / "q.json").write_text(json.dumps({"split": "heldout", "questions": list(ANSWERS)}))
    subprocess.run(
        [sys.executable, tmp_path / "tools/answer.py", tmp_path / "q.json", tmp_path / "a.json"],
        check=True, env={**os.environ, "OPENAI_BASE_URL": door}, timeout=100,
    )  # fmt: skip
    assert json.loads((tmp_path / "a.json").read_text()) == [SOLVER.voted(q, style, votes) for q in ANSWERS]


def test_the_scaffold_is_small_and_needs_the_standard_library_only() -> None:
    sources = [path.read_text() for path in ROOT.rglob("*.py")]
    assert sum(len(source.splitlines()) for source in sources) < 250
    imported = {
        line.split()[1].split(".")[0]
        for s in sources
        for line in s.splitlines()
        if line.startswith(("import ", "from "))
    }
    assert imported - {"tools"} <= set(sys.stdlib_module_names)


def test_a_line_of_the_log_is_there_at_once_and_after_those_before(
    scaffold: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaffold, "LOG", tmp_path / "log.jsonl")
    for number in range(2):
        scaffold.log("end", turns=number)
        lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
        assert [(line["kind"], line["turns"]) for line in lines] == [
            ("end", turn) for turn in range(number + 1)
        ]


class Forgetful(http.server.BaseHTTPRequestHandler):
    """Answers as a model, and closes each connection after its second answer without a word; counts who connects."""

    protocol_version = "HTTP/1.1"
    connections: ClassVar[list[int]] = []

    def setup(self) -> None:
        super().setup()
        self.connections.append(self.client_address[1])
        self.answered = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answered += 1
        body = json.dumps({"choices": [{"message": {"content": self.path}}]}).encode()
        self.send_response(429 if self.path == "/none/chat/completions" else 200)
        unmeasured = self.path == "/unmeasured/chat/completions"
        if not unmeasured:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = unmeasured or self.answered == 2


def test_the_model_is_asked_over_one_connection_and_over_another_where_that_was_closed(
    scaffold: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    Forgetful.connections.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forgetful) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        assert [scaffold.ask("m", []) for _ in range(5)] == ["/v1/chat/completions"] * 5
        assert len(Forgetful.connections) == 3
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/unmeasured")
        assert [scaffold.ask("m", []) for _ in range(2)] == ["/unmeasured/chat/completions"] * 2
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/none")
        with pytest.raises(scaffold.Refused) as refused:
            scaffold.ask("m", [])
        assert (refused.value.code, "content" in refused.value.reason) == (429, True)
        server.shutdown()
    scaffold.connected.cache_clear()


@pytest.fixture(params=["told by the kernel", "where the kernel has no such call"])
def wait(
    request: pytest.FixtureRequest, scaffold: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> Callable[[subprocess.Popen[bytes], float], int]:
    if request.param != "told by the kernel":
        monkeypatch.setattr(os, "pidfd_open", refused)
    waiting: Callable[[subprocess.Popen[bytes], float], int] = sys.modules["tools.shell"].wait
    return waiting


def refused(process: int) -> int:
    raise OSError(errno.ENOSYS, "Function not implemented")


def test_a_command_that_ends_in_time_is_known_by_its_code(
    wait: Callable[[subprocess.Popen[bytes], float], int],
) -> None:
    assert wait(subprocess.Popen(["bash", "-c", "exit 7"]), 60) == 7


def test_a_command_that_does_not_end_in_time_is_told_apart(
    wait: Callable[[subprocess.Popen[bytes], float], int],
) -> None:
    with subprocess.Popen(["sleep", "60"]) as endless:
        with pytest.raises(subprocess.TimeoutExpired):
            wait(endless, 0.01)
        endless.kill()
