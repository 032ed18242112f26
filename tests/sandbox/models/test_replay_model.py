"""A replay says what was recorded, whole, and notices when it is asked something else."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.canonical import digest, sha256
from sandbox.errors import Mistake, ModelFault, ModelRefusal
from sandbox.event_log import EventLog
from sandbox.models.base import ChatReply, ChatRequest, Message, ToolCall
from sandbox.models.replay import ReplayModel, open_replay

LONG = "ä" * 6000
FIRST = (Message("user", "one"),)
SECOND = (*FIRST, Message("assistant", "first"), Message("user", "two"))


def call(turn: int, messages: tuple[Message, ...]) -> tuple[str, dict[str, Any]]:
    return "model.call", {"turn": turn, "digest": digest([message.as_json() for message in messages])}


def reply(turn: int, text: str, **changes: Any) -> tuple[str, dict[str, Any]]:
    told = {
        "turn": turn,
        "text": text,
        "tokens_in": 3,
        "tokens_out": None,
        "finish": "stop",
        "refused": False,
    }
    return "model.reply", {**told, "calls": [], "notes": {}, **changes}


Open = Callable[..., ReplayModel]


@pytest.fixture
def recorded(tmp_path: Path) -> Open:
    """Opens a replay of events."""

    def make(*events: tuple[str, dict[str, Any]], strict: bool = False) -> ReplayModel:
        with EventLog(tmp_path / "events.jsonl") as log:
            for kind, data in events:
                log.append("gateway", kind, data)
        binding = {"recording": str(tmp_path / "events.jsonl"), "blobs": str(tmp_path), "digest": "d" * 64}
        return open_replay({**binding, "strict": strict})

    return make


def ask(model: ReplayModel, messages: tuple[Message, ...]) -> ChatReply:
    return asyncio.run(model.complete(ChatRequest(messages)))


def test_the_recorded_replies_come_again_in_order(recorded: Open) -> None:
    calls = [["c", "run", "{}"]]
    model = recorded(
        call(1, FIRST), reply(1, "first"),
        call(2, SECOND), reply(2, "", finish="tool_calls", calls=calls, refused=True),
    )  # fmt: skip
    assert model.digest == "d" * 64
    assert ask(model, FIRST) == ChatReply("first", 3, None, notes={"same_conversation": True})
    assert ask(model, SECOND) == ChatReply(
        "", 3, None, "tool_calls", True, (ToolCall("c", "run", "{}"),), {"same_conversation": True}
    )


def test_a_long_reply_comes_whole_from_its_blob(recorded: Open, tmp_path: Path) -> None:
    (tmp_path / sha256(LONG.encode())).write_bytes(LONG.encode())
    assert ask(recorded(call(1, FIRST), reply(1, LONG)), FIRST).text == LONG


def test_a_long_reply_that_was_not_kept_is_a_named_mistake(recorded: Open, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="a reply of 12000 bytes was not kept whole"):
        recorded(call(1, FIRST), reply(1, LONG))


def test_a_blob_that_was_changed_is_a_named_mistake(recorded: Open, tmp_path: Path) -> None:
    (tmp_path / sha256(LONG.encode())).write_bytes(b"else")
    with pytest.raises(Mistake, match="content is not what its name says"):
        recorded(call(1, FIRST), reply(1, LONG))


def test_another_conversation_is_noted_and_where_strict_ends_the_episode(
    recorded: Open, tmp_path: Path
) -> None:
    model = recorded(call(1, FIRST), reply(1, "first"))
    assert ask(model, SECOND) == ChatReply("first", 3, None, notes={"same_conversation": False})
    (tmp_path / "events.jsonl").unlink()
    strict = recorded(call(1, FIRST), reply(1, "first"), strict=True)
    with pytest.raises(ModelFault, match="replay: the conversation of call 1 is not the recorded one"):
        ask(strict, SECOND)


def test_more_calls_than_were_recorded_are_a_fault_not_an_answer(recorded: Open) -> None:
    model = recorded(call(1, FIRST), reply(1, "first"), call(2, SECOND))
    ask(model, FIRST)
    with pytest.raises(ModelFault, match="replay: 1 calls were recorded, and one more was made"):
        ask(model, SECOND)


def test_a_call_that_was_refused_is_refused_again(recorded: Open) -> None:
    told = {"turn": 1, "reason": "context_overflow", "message": "too long", "detail": "x"}
    model = recorded(call(1, FIRST), ("model.unanswerable", told), call(2, FIRST), reply(2, "now"))
    with pytest.raises(ModelRefusal, match="context_overflow: too long"):
        ask(model, FIRST)
    assert ask(model, FIRST).text == "now"


def test_a_stream_that_was_cut_comes_again_as_far_as_it_went(recorded: Open) -> None:
    model = recorded(call(1, FIRST), reply(1, "fir", finish="cut"))
    answer = ask(model, FIRST)
    assert (answer.text, answer.finish) == ("fir", "length")


def test_a_stream_that_was_cut_for_being_unanswerable_is_refused_again(recorded: Open) -> None:
    told = {"turn": 1, "reason": "context_overflow", "message": "too long", "detail": "x"}
    model = recorded(
        call(1, FIRST), reply(1, "fir", finish="cut"), ("model.unanswerable", told), call(2, FIRST), reply(2, "now"),
    )  # fmt: skip
    with pytest.raises(ModelRefusal, match="context_overflow: too long"):
        ask(model, FIRST)
    assert ask(model, FIRST).text == "now"


def test_a_log_that_was_edited_is_no_recording(recorded: Open, tmp_path: Path) -> None:
    recorded(call(1, FIRST), reply(1, "first"))
    log = tmp_path / "events.jsonl"
    log.write_bytes(log.read_bytes().replace(b"first", b"worst"))
    binding = {"recording": str(log), "blobs": str(tmp_path), "digest": "d" * 64, "strict": False}
    with pytest.raises(Mistake, match=r"is no recording: .*hash does not match the line"):
        open_replay(binding)
