"""An agent that is still being answered when its episode ends: on a fake box, with the real door and log."""

import asyncio
import http.client
import json
import socket
from collections.abc import Sequence
from pathlib import Path

from monitors.registry import new_watcher
from sandbox.box import Completed
from sandbox.episode.episode import Episode
from sandbox.episode.outcome import EpisodeRequest
from sandbox.event_log import EventLog
from sandbox.events import read_events
from sandbox.fake import FakeBox, FakeBoxes
from sandbox.files import FileSpec
from sandbox.limits import Limits
from sandbox.models.base import NO_TOOLS, ChatReply, ChatRequest, Piece
from sandbox.recorder import Ending, Recorder

LIMITS = Limits(wall=20, turns=2, cpu_time=5)


class Endless:
    """Says one word and never ends."""

    digest = "endless"
    tools = NO_TOOLS

    async def complete(self, request: ChatRequest) -> ChatReply:
        assert request.hear is not None
        request.hear(Piece("word"))
        await asyncio.Event().wait()
        raise AssertionError("nobody lets it go on")


async def leaves_early(box: FakeBox, argv: Sequence[str]) -> Completed:
    """Takes the first part of a stream, and ends."""

    def call() -> None:
        connection = http.client.HTTPConnection("door")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(box.door))
        body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "stream": True, "max_tokens": 9})
        connection.request("POST", "/v1/chat/completions", body)
        assert b"chunk" in connection.getresponse().read1()

    await asyncio.to_thread(call)
    return Completed(0, None, b"", b"")


def test_what_an_agent_heard_before_it_left_is_recorded_and_counts_as_tokens_that_nobody_counted(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        ending = Ending()
        with EventLog(tmp_path / "events.jsonl") as log:
            recorder = Recorder(log, new_watcher(), LIMITS, ending)
            scaffold = (FileSpec("main.py", b"print()\n"),)
            request = EpisodeRequest("fake", {"owner": "test"}, LIMITS, Endless(), {}, scaffold, ())
            episode = Episode(request, FakeBoxes(leaves_early), recorder, ending, lambda content: None)
            outcome = await episode.run()
        assert (outcome.status, outcome.cause) == ("completed", None)
        assert [outcome.usage[name] for name in ("turns", "tokens_in", "tokens_out")] == [1, None, None]

    asyncio.run(main())
    events = list(read_events(tmp_path / "events.jsonl"))
    (reply,) = (event.data for event in events if event.kind == "model.reply")
    assert (reply["text"], reply["finish"]) == ("word", "cut")
