"""An agent that attacks its own door from inside a real box earns nothing by it and ends nobody's episode."""

import asyncio
from pathlib import Path

import pytest

from monitors.registry import new_watcher
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.episode.episode import Episode
from sandbox.episode.outcome import EpisodeRequest
from sandbox.event_log import EventLog
from sandbox.events import read_events
from sandbox.files import FileSpec
from sandbox.limits import Limits
from sandbox.models.base import NO_TOOLS, ChatReply, ChatRequest
from sandbox.recorder import Ending, Recorder

ATTACK = b"""
import json, os, socket, threading, time, urllib.request
HEAD = b"POST /v1/chat/completions HTTP/1.1\\r\\nHost: d\\r\\n"
def send(*pieces, read=True):
    try:
        with socket.create_connection(("127.0.0.1", 8000), timeout=60) as sock:
            for piece in pieces:
                sock.sendall(piece)
            return sock.recv(100) if read else b""
    except OSError:
        return b""
def chunk(size):
    return b"%x\\r\\n" % size + b" " * size + b"\\r\\n"
def post(body):
    return HEAD + b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body
ATTACKS = [
    (b"\\0" * 9000,), (HEAD + b"a: " + b"b" * 9000,), (HEAD + b"Content-Length: 99999999999\\r\\n\\r\\n",),
    (HEAD + b"Transfer-Encoding: chunked\\r\\n\\r\\n", *[chunk(2**20)] * 5),
    (HEAD + b"Transfer-Encoding: chunked\\r\\n\\r\\n" + chunk(1) * 5000,),
    (post(b"[" * 100_000),), (post(b"{}," * 300_000),), (post(b'{"messages": NaN}'),), (post(b"\\xff" * 100),),
    (b"GET /v1/models HTTP/1.1\\r\\nHost: d\\r\\n\\r\\n" * 300,), (b"CONNECT x:1 HTTP/1.0\\r\\n\\r\\n",),
]
def attack(pieces):
    # One that is turned away for want of a connection has not attacked yet.
    for _ in range(2000):
        if send(*pieces)[:10] in (b"HTTP/1.1 4", b"HTTP/1.1 2"):
            return
        time.sleep(0.05)
threads = [threading.Thread(target=attack, args=(pieces,)) for pieces in ATTACKS * 3]
[thread.start() for thread in threads]
# Slow ones and silent ones meanwhile, some of which go without a word.
idle = [socket.create_connection(("127.0.0.1", 8000), timeout=60) for _ in range(20)]
[one.sendall(HEAD) for one in idle[:10]]
for _ in range(200):
    send(read=False)
[thread.join() for thread in threads]
[one.close() for one in idle]
request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions",
    json.dumps({"messages": [{"role": "user", "content": "still there?"}]}).encode(), {"Content-Type": "application/json"})
print(json.load(urllib.request.urlopen(request))["choices"][0]["message"]["content"])
"""


class Polite:
    """Always there."""

    digest = "0" * 64
    tools = NO_TOOLS

    async def complete(self, request: ChatRequest) -> ChatReply:
        return ChatReply("still here", 5, 2)


@pytest.mark.box
def test_every_attack_at_once_is_refused_by_name_and_the_next_call_is_answered(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    limits = Limits(wall=250.0, cpu_time=250.0)
    request = EpisodeRequest(
        name=f"tidegauge-door-flood-{tmp_path.parent.name[-6:].strip('-_')}", labels={"owner": "door", "episode": "e"},
        limits=limits, model=Polite(), sampling={}, scaffold=(FileSpec("main.py", ATTACK),), world=(),
    )  # fmt: skip
    with EventLog(tmp_path / "events.jsonl") as log:
        ending = Ending()
        recorder = Recorder(log, new_watcher(), limits, ending)
        boxes = DockerBoxes(engine, image=image)
        outcome = asyncio.run(Episode(request, boxes, recorder, ending, lambda content: None).run())
    events = list(read_events(tmp_path / "events.jsonl"))
    assert (outcome.status, outcome.cause) == ("completed", None)
    assert (outcome.usage["turns"], outcome.usage["tokens_in"]) == (1, 5)
    assert [event.data["text"] for event in events if event.kind == "output"] == ["still here\n"]
    refused = {event.data["reason"] for event in events if event.kind == "model.refused"}
    assert refused >= {
        "malformed_http", "head_too_large", "body_too_large", "too_many_pieces", "invalid_json", "too_many_values",
    }  # fmt: skip
    assert "unavailable" not in refused
