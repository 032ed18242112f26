"""The vendors' own Python clients and a public agent program run unmodified in a real box."""

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from monitors.registry import new_watcher
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.episode.episode import Episode
from sandbox.episode.outcome import EpisodeRequest, Outcome
from sandbox.event_log import EventLog
from sandbox.events import read_events
from sandbox.files import FileSpec
from sandbox.limits import Limits
from sandbox.models.base import ChatReply, ChatRequest, Dialect, Model, ToolCall
from sandbox.models.served import open_served
from sandbox.recorder import Ending, Recorder
from sandbox.service import Emit, Service, ServiceReply, ServiceRequest
from tests.clients.image import HERE, Unfetched, clients_image

LIMITS = Limits(wall=300.0, cpu_time=300.0, turns=40, disk=64 * 2**20)


class Answers:
    """Says "hello"; calls a tool where some are offered and none was called yet."""

    digest = "0" * 64

    def __init__(self, dialect: Dialect, texts: Sequence[str] = ()) -> None:
        self.tools = frozenset({dialect})
        self._texts = list(texts)

    async def complete(self, request: ChatRequest) -> ChatReply:
        if request.tools and request.messages[-1].role != "tool":
            call = ToolCall("call_1", request.tools[0].name, '{"command": "ls"}')
            return ChatReply("", 7, 2, "tool_calls", tool_calls=(call,))
        return ChatReply(self._texts.pop(0) if self._texts else "hello", 7, 2)


@pytest.fixture(scope="session")
def clients(engine: Engine) -> str:
    """The image with the clients in it; these tests are skipped where their packages cannot be had."""
    try:
        return clients_image(engine)
    except Unfetched as error:
        pytest.skip(f"no package registry gives the clients: {error}")


Run = Callable[..., Outcome]


@pytest.fixture
def run(engine: Engine, clients: str, tmp_path: Path) -> Run:
    """One episode of a program in a real box."""

    def run_it(
        model: Model, program: bytes, world: dict[str, bytes] | None = None, services: Sequence[Service] = ()
    ) -> Outcome:
        request = EpisodeRequest(
            name=f"tidegauge-clients-{tmp_path.name[-12:].strip('-_')}", labels={"owner": "clients", "episode": "e"},
            limits=LIMITS, model=model, sampling={}, scaffold=(FileSpec("main.py", program),),
            world=tuple(FileSpec(path, content) for path, content in (world or {}).items()),
            services=tuple(services),
        )  # fmt: skip
        with EventLog(tmp_path / "events.jsonl") as log:
            ending = Ending()
            recorder = Recorder(log, new_watcher(), LIMITS, ending)
            boxes = DockerBoxes(engine, image=clients)
            return asyncio.run(Episode(request, boxes, recorder, ending, lambda content: None).run())

    return run_it


def seen(outcome: Outcome) -> Any:
    assert (outcome.status, outcome.cause) == ("completed", None)
    return json.loads(outcome.work.files["seen.json"])


TEXT = {
    "chat": "hello",
    "chat_stream": ["hello", 9],
    "responses": "hello",
    "responses_stream": ["response.created", "response.completed", "hello"],
    "messages": ["hello", "end_turn", 2],
    "messages_stream": ["hello", "end_turn"],
    "models": [["model"], ["model"]],
}


@pytest.mark.box
@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_the_official_clients_ask_in_every_way_and_tools_stay_within_one_vendor(
    run: Run, dialect: Dialect
) -> None:
    told = seen(run(Answers(dialect), (HERE / "sdk_agent.py").read_bytes()))
    assert {name: told[name] for name in TEXT} == TEXT
    called = {
        "chat_tools": ["run", {"command": "ls"}, "hello"],
        "responses_tools": ["run", {"command": "ls"}, "hello"],
        "messages_tools": ["tool_use", "run", {"command": "ls"}, "hello"],
    }
    for name, result in called.items():
        if name.startswith("messages") == (dialect == "anthropic"):
            assert told[name] == result
        else:
            assert told[name][:2] == ["BadRequestError", 400]
            assert "tools_across_apis" in json.dumps(told[name][2])
    assert told["responses_memory"][2]["code"] == "previous_response_id_unsupported"
    assert told["counted"][:2] == ["NotFoundError", 404]
    assert told["counted"][2]["error"]["type"] == "not_found_error"
    assert told["embeddings"][:2] == ["NotFoundError", 404]


class Seen:
    """Notes that the agent has seen the beginning of an answer."""

    prefix = "/seen/"

    def __init__(self) -> None:
        self.seen = threading.Event()

    def handle(self, request: ServiceRequest, emit: Emit) -> ServiceReply:
        self.seen.set()
        return ServiceReply(200, {})


def _openai_stream(upstream: Any, seen: threading.Event) -> Any:
    def called(**function: str) -> Any:
        return upstream.chunk(delta={"tool_calls": [{"index": 0, "id": "c1", "function": function}]})

    return upstream.streamed(
        upstream.chunk("I run "), seen, upstream.chunk("it."), called(name="run", arguments='{"command"'),
        called(arguments=': "ls"}'), upstream.chunk(finish="tool_calls"), upstream.usage, upstream.done,
    )  # fmt: skip


def _anthropic_stream(upstream: Any, seen: threading.Event) -> Any:
    def block(index: int, content: Any, *deltas: Any) -> list[Any]:
        told = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        begun = {"type": "content_block_start", "index": index, "content_block": content}
        return [begun, *told, {"type": "content_block_stop", "index": index}]

    begun, first, *rest = block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "I run "},
                                {"type": "text_delta", "text": "it."})  # fmt: skip
    use = {"type": "tool_use", "id": "t1", "name": "run", "input": {}}
    told = [{"type": "input_json_delta", "partial_json": part} for part in ('{"command"', ': "ls"}')]
    return upstream.streamed(
        {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 7}}}, begun, first, seen, *rest,
        *block(1, use, *told),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    )  # fmt: skip


@pytest.mark.box
@pytest.mark.parametrize(
    ("api", "dialect", "told"),
    [
        ("openai", "openai", _openai_stream),
        ("responses", "openai", _openai_stream),
        ("anthropic", "anthropic", _anthropic_stream),
    ],
)
def test_a_stream_reaches_the_official_client_in_the_box_before_the_server_has_ended(
    run: Run, upstream: Any, tmp_path: Path, api: str, dialect: Dialect, told: Any
) -> None:
    service = Seen()
    upstream.told = [told(upstream, service.seen)]
    model = open_served(dialect, {"base_url": upstream.base_url, "model": "run7"})
    program = (HERE / "stream_agent.py").read_bytes()
    outcome = run(model, program, {"task/instruction.md": api.encode()}, [service])
    text = seen(outcome)
    assert (upstream.unheard, "".join(text[:-1]), json.loads(text[-1])) == (0, "I run it.", {"command": "ls"})
    (reply,) = (event.data for event in read_events(tmp_path / "events.jsonl") if event.kind == "model.reply")
    assert (reply["text"], reply["finish"], reply["tokens_in"], reply["tokens_out"]) == (
        "I run it.",
        "tool_calls",
        7,
        2,
    )
    assert [(name, json.loads(arguments)) for _, name, arguments in reply["calls"]] == [
        ("run", {"command": "ls"})
    ]


#: What a person would type, as a scaffold: the program's own entry point with its own options.
SMOLAGENT = b"""
import os, sys
from smolagents.cli import main
task = open("/task/instruction.md").read()
sys.argv = ["smolagent", task, "--model-type", "OpenAIModel", "--model-id", "any", "--api-base",
            os.environ["OPENAI_BASE_URL"], "--api-key", "none", "--imports", "subprocess", "--tools"]
main()
"""


@pytest.mark.box
def test_a_public_agent_program_does_a_task_in_a_box(run: Run, tmp_path: Path) -> None:
    code = (
        'import subprocess\nsubprocess.run(["sh", "-c", "echo 42 > /work/answer.txt"])\nfinal_answer("done")'
    )
    model = Answers("openai", [f"Thought: I write it.\n<code>\n{code}\n</code>"])
    outcome = run(model, SMOLAGENT, {"task/instruction.md": b"Write 42 into /work/answer.txt."})
    assert (outcome.status, outcome.cause) == ("completed", None)
    assert outcome.work.files["answer.txt"] == b"42\n"
    calls = [event.data for event in read_events(tmp_path / "events.jsonl") if event.kind == "model.call"]
    assert [(call["turn"], call["api"], call["model"]) for call in calls] == [(1, "chat.completions", "any")]
