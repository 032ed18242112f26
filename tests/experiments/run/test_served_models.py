"""Served models and replays in a run: what is wrong is said first, and a key stays where it is."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.attempts.executors import LocalExecutor
from experiments.reading.verify import verify
from experiments.record.ledger import read_records
from experiments.record.records import LedgerLine
from experiments.running.running import Request, Result, run
from sandbox.errors import Mistake
from sandbox.events import read_events

KEY = "sk-0123456789-SECRET"
#: A scaffold that offers a tool, shows its environment, and asks twice.
SCAFFOLD = """
import json, os, urllib.request
messages = [{"role": "user", "content": "go"}]
tools = [{"type": "function", "function": {"name": "run", "parameters": {}}}]
for _ in range(2):
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        json.dumps({"messages": messages, "tools": tools}).encode(), {"Content-Type": "application/json"})
    message = json.load(urllib.request.urlopen(request))["choices"][0]["message"]
    messages += [{k: message[k] for k in ("role", "content", "tool_calls") if k in message},
                 {"role": "tool", "tool_call_id": "c1", "content": "done"}]
open("/work/seen.json", "w").write(json.dumps([dict(os.environ), messages]))
print(json.dumps(dict(os.environ)))
"""


@pytest.fixture
def served(tmp_path: Path, secret: object, upstream: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config of one served checkpoint at one task."""
    monkeypatch.setenv("OWN_KEY", KEY)
    entry = {
        "family": "served", "provider": "openai", "base_url": upstream.base_url, "api_key_env": "OWN_KEY",
        "rate": {"requests": 600, "tokens": 100000}, "price": {"input": 1.0, "output": 2.0}, "sampling": {"max_tokens": 64},
        "checkpoints": [{"name": "s1", "step": 1, "model": "run7-s1"}],
    }  # fmt: skip
    document = {
        "suite": "served", "models": [entry], "tasks": ["selfmod/scaffold@L0"], "policy": "quickstart",
        "limits": {"model_tokens": 20000}, "retries": 0, "tracking": {"uri": "nothing://there"},
    }  # fmt: skip
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(document))
    return path


Run = Callable[..., Result]


@pytest.fixture
def run_served(served: Path, tmp_path: Path, paper: Any) -> Run:
    def run_it(*overrides: str, executor: Any = None) -> Result:
        request = Request(served, overrides, tmp_path / "runs", local=True, limit=None)
        return run(request, lambda line: None, executor or paper())

    return run_it


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("models.0.api_key_env=NO_SUCH_KEY", "models.0.api_key_env: variable NO_SUCH_KEY is not set on HOST; "
         "export NO_SUCH_KEY; the config names the variable and never holds the key"),
        ("models.0.base_url=http://127.0.0.1:PORT/v1", "models.0.base_url: http://127.0.0.1:PORT/v1 does not "
         "answer: no whole answer (ClientConnectorError); start the server"),
        ("models.0.base_url=127.0.0.1", "models.0.checkpoints.0.base_url: is no http or https address; "
         "write for example http://127.0.0.1:8080/v1"),
        ("models.0.base_url=null", "models.0.checkpoints.0.base_url: is missing; "
         "write for example http://127.0.0.1:8080/v1"),
        ("models.0.checkpoints=null", "models.0.checkpoints.0.model: is missing; "
         "write the name under which the server knows it"),
        ("models.0.checkpoints.1={name: s2, step: 2, model: x, rate: {requests: 5}}",
         "models.0.rate: URL has two rates; give all its checkpoints one"),
        ("models.0={family: c, provider: anthropic, base_url: 'http://127.0.0.1:9', model: m}",
         "models.0.checkpoints.0.sampling.max_tokens: is missing; write for example max_tokens: 4096; this API "
         "answers nothing without it"),
        ("models.0={family: old, provider: replay}", "models.0.checkpoints.0.run: is missing; name the run to replay"),
        ("models.0={family: old, provider: replay, run: nowhere}", "models.0.run: no run 'nowhere' beside the "
         "config or under RUNS; there is none yet: tidegauge run CONFIG makes one"),
    ],
)  # fmt: skip
def test_a_mistake_about_a_model_is_one_line_before_anything_is_written(
    run_served: Run, served: Path, upstream: Any, tmp_path: Path, change: str, message: str
) -> None:
    port = str(closed_port())
    with pytest.raises(Mistake) as caught:
        run_served(change.replace("PORT", port))
    told = message.replace("PORT", port).replace("HOST", socket.gethostname())
    told = told.replace("URL", upstream.base_url).replace("RUNS", str(tmp_path / "runs"))
    assert str(caught.value) == f"{served}: {told}"
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("status", "starts"), [(200, True), (404, True), (429, True), (401, False), (503, False)]
)
def test_an_endpoint_without_a_list_of_models_is_taken_and_one_that_refuses_is_not(
    run_served: Run, upstream: Any, status: int, starts: bool
) -> None:
    upstream.models = (status, b"{}", {})
    if starts:
        assert run_served().outcome.complete
    else:
        with pytest.raises(Mistake, match=f"answers {status}; "):
            run_served()


def test_a_run_that_has_all_its_results_needs_neither_server_nor_key(
    run_served: Run, upstream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_served()
    upstream.models = (503, b"", {})
    monkeypatch.delenv("OWN_KEY")
    assert run_served().outcome.complete


def replay_of(done: Result, *more: str) -> tuple[str, ...]:
    """Overrides that replay the served checkpoint of a run."""
    entry = {
        "family": "again", "provider": "replay", "run": done.view.name, "recorded": "served/s1",
        "checkpoints": [{"name": "r1", "step": 1}],
    }  # fmt: skip
    return (f"models.0={json.dumps(entry)}", *more)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("models.0.recorded=served/s9", "models.0.checkpoints.0.recorded: RUN has no checkpoint 'served/s9'; "
         "it has: served/s1"),
        ("repeats=2", "models.0.checkpoints.0.run: RUN has no result of served/s1 at selfmod/scaffold@L0 plain "
         "world 1; replay what the run has results for"),
        ("seed=8", "models.0.checkpoints.0.run: RUN recorded served/s1 at selfmod/scaffold@L0 plain world 0 "
         "as another world; replay with the run's own seed, secret and task versions"),
    ],
)  # fmt: skip
def test_what_was_not_recorded_cannot_be_replayed(
    run_served: Run, served: Path, more: str, message: str
) -> None:
    done = run_served()
    with pytest.raises(Mistake) as caught:
        run_served(*replay_of(done, more))
    assert str(caught.value) == f"{served}: {message.replace('RUN', done.view.name)}"


def replies(result: Result, name: str) -> list[dict[str, Any]]:
    """The recorded replies of one checkpoint's only episode."""
    line = next(line for line in lines(result) if line.checkpoint.name == name)
    log = result.view.directory / "episodes" / line.episode / str(line.attempt) / "events.jsonl"
    return [event.data for event in read_events(log) if event.kind == "model.reply"]


def lines(result: Result) -> list[LedgerLine]:
    return read_records(result.view.directory / "ledger.jsonl", LedgerLine)


def files_with(text: str, root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


@pytest.mark.box
def test_a_served_model_drives_a_real_agent_its_key_stays_outside_and_a_replay_repeats_it_for_free(
    run_served: Run, upstream: Any, tmp_path: Path, engine: Any, image: str
) -> None:
    from sandbox.engine.docker_box import DockerBoxes

    executor = LocalExecutor(1, DockerBoxes(engine, image=image, runtime="runc"))
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "main.py").write_text(SCAFFOLD)
    call = {"id": "c1", "type": "function", "function": {"name": "run", "arguments": '{"command": "ls"}'}}
    long = "long " * 4000 + KEY
    upstream.told = [
        upstream.failure(429, **{"Retry-After": "0.1"}),
        upstream.completion(None, message={"tool_calls": [call]}, finish="tool_calls"),
        upstream.completion(long),
    ]
    first = run_served("scaffold=./agent", executor=executor)
    used = [(line.status, line.usage.tokens_in, line.usage.turns, line.usage.cost) for line in lines(first)]
    assert used == [("completed", 14, 2, 0.000022)]
    assert (len(upstream.seen), upstream.bodies[1]["tools"][0]["function"]["name"]) == (3, "run")
    original = replies(first, "s1")
    assert original[0]["notes"]["failures"] == ["answered 429"]
    assert original[0]["calls"] == [["c1", "run", '{"command": "ls"}']]

    second = run_served(*replay_of(first, "scaffold=./agent"), executor=executor)
    assert len(upstream.seen) == 3
    again = replies(second, "r1")
    assert [reply["notes"] for reply in again] == [{"same_conversation": True}] * 2
    told = ("text", "calls", "tokens_in", "tokens_out", "finish")
    assert [[r[key] for key in told] for r in again] == [[r[key] for key in told] for r in original]

    assert os.environ["OWN_KEY"] == KEY
    assert files_with(KEY, tmp_path) == []
    # The environment was looked at: what the box was shown stands in its log and its artefact.
    assert len(files_with("OPENAI_BASE_URL", tmp_path / "runs")) >= 2
    assert verify(first.view.directory, None).ok
    blob = next(path for path in (first.view.directory / "blobs").iterdir() if path.stat().st_size == 20005)
    blob.unlink()
    missing = f"the blob of the long reply {blob.name} is missing"
    assert missing in [problem.reason for problem in verify(first.view.directory, None).problems]
