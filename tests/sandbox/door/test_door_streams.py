"""A stream that an agent asks for comes while the model speaks, and is charged and recorded whole."""

import asyncio
import json
from typing import Any

import pytest

from sandbox.errors import ModelFault, ModelRefusal
from sandbox.models.base import ALL_TOOLS, ChatReply, ChatRequest, Piece, ToolCall

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
ASK = {"messages": [{"role": "user", "content": "Hi"}], "input": "Hi", "stream": True, "max_tokens": 64}


class Speaker:
    """Says one piece, then waits for ``go``, then says the other, or fails by ``error``."""

    digest = "0" * 64
    tools = ALL_TOOLS

    def __init__(self, error: Exception | None = None) -> None:
        self.go, self.error, self.ended = asyncio.Event(), error, False

    async def complete(self, request: ChatRequest) -> ChatReply:
        if request.hear is not None:
            request.hear(Piece("one ", tokens_in=10))
        await self.go.wait()
        if self.error is not None:
            raise self.error
        if request.hear is not None:
            request.hear(Piece("two"))
        self.ended = True
        return ChatReply("one two", 10, 5)


@pytest.fixture
def speaking(doorway: Any) -> Any:
    """A doorway whose model speaks, and a way to let it go on."""

    def make(error: Exception | None = None, **options: Any) -> Any:
        door = doorway("", model=Speaker(error), **options)
        door.go_on = lambda: door.loop.call_soon_threadsafe(door.model.go.set)
        return door

    return make


def begin(door: Any, path: str) -> Any:
    """The response, whose first part has come and whose rest has not."""
    client = door.client()
    client.request("POST", path, json.dumps(ASK), {"Content-Type": "application/json"})
    return client.getresponse()


def read_until(response: Any, text: bytes) -> bytes:
    said = b""
    while text not in said:
        said += response.read1()
    return said


@pytest.mark.parametrize(
    ("path", "end"),
    [
        (CHAT, b"data: [DONE]\n\n"),
        (MESSAGES, b'data: {"type":"message_stop"}\n\n'),
        (RESPONSES, b'"total_tokens":15}}}\n\n'),
    ],
)
def test_the_first_piece_is_there_while_the_model_still_speaks(speaking: Any, path: str, end: bytes) -> None:
    with speaking() as door:
        response = begin(door, path)
        first = read_until(response, b"one ")
        assert (response.status, door.model.ended) == (200, False)
        assert door.kinds() == ["model.call"]
        door.go_on()
        rest = response.read()
        (reply,) = door.events("model.reply")
    assert b"two" not in first
    assert rest.endswith(end)
    assert rest.count(b'"two"') == 1
    assert (reply["text"], reply["finish"], reply["tokens_in"], reply["tokens_out"]) == (
        "one two",
        "stop",
        10,
        5,
    )
    assert door.budget.tokens_used == 15


def test_the_reply_is_recorded_before_the_client_is_told_its_end(speaking: Any) -> None:
    with speaking() as door:
        response = begin(door, CHAT)
        door.go_on()
        read_until(response, b"[DONE]")
        assert door.kinds() == ["model.call", "model.reply"]


def test_a_client_that_hangs_up_has_the_whole_answer_charged_and_recorded(speaking: Any) -> None:
    with speaking() as door:
        read_until(begin(door, CHAT), b"one ")
        door._open.pop().close()
        door.go_on()
        door.until(lambda: door.model.ended)
        door.until(lambda: "model.reply" in door.kinds())
        assert door.events("model.reply")[0]["text"] == "one two"
        assert door.budget.tokens_used == 15
        assert door.chat()[0] == 200


def test_a_stream_that_the_end_of_the_episode_cuts_is_recorded_as_far_as_it_went(speaking: Any) -> None:
    with speaking() as door:
        response = begin(door, CHAT)
        read_until(response, b"one ")
        door.run(door.door.finish())
        assert b'"code":"unavailable"' in response.read()
        assert door.chat()[0] == 503
        (reply,) = door.events("model.reply")
    assert (reply["text"], reply["finish"], reply["tokens_in"]) == ("one ", "cut", None)
    assert (door.budget.tokens_in, door.budget.tokens_out) == (None, None)
    # 64 that the agent granted itself, and the bytes of the conversation.
    assert door.budget.tokens_used == 64 + len('[[["user","Hi"]],[]]')


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (CHAT, b'{"error":{"message":"the model is not available"'),
        (MESSAGES, b"event: error\n"),
        (RESPONSES, b'"status":"failed"'),
    ],
)
def test_an_upstream_that_breaks_off_is_named_to_the_client_and_is_the_hosts_fault(
    speaking: Any, path: str, told: bytes
) -> None:
    with speaking(ModelFault("answered garbage: a stream that broke off (try 1)")) as door:
        response = begin(door, path)
        read_until(response, b"one ")
        door.go_on()
        assert told in response.read()
        door.until(lambda: door.door.fault is not None)
        assert isinstance(door.door.fault, ModelFault)
        assert door.kinds() == ["model.call", "model.reply", "model.fault"]
        assert door.events("model.reply")[0]["finish"] == "cut"


def test_a_refusal_in_mid_stream_is_the_agents_and_the_door_stays(speaking: Any) -> None:
    with speaking(ModelRefusal("context_overflow", "too long")) as door:
        response = begin(door, CHAT)
        read_until(response, b"one ")
        door.go_on()
        assert b'"code":"context_overflow"' in response.read()
        assert door.door.fault is None
        assert door.kinds() == ["model.call", "model.reply", "model.unanswerable"]


def test_clients_that_do_not_read_their_streams_hold_up_nobody(doorway: Any) -> None:
    class Talker(Speaker):
        async def complete(self, request: ChatRequest) -> ChatReply:
            if request.hear is not None:
                for _ in range(64):
                    request.hear(Piece("x" * 2**16))
            return ChatReply("x" * 2**22, 10, 5)

    with doorway("", model=Talker()) as door:
        for _ in range(6):
            begin(door, CHAT)
        status, _, body = door.chat()
        assert (status, len(json.loads(body)["choices"][0]["message"]["content"])) == (200, 2**22)
        assert door.budget.tokens_used == 7 * 15
        assert door.kinds() == ["model.call", "model.reply"] * 7


def test_what_the_budget_refuses_is_no_stream(speaking: Any) -> None:
    with speaking(turns=0) as door:
        status, headers, body = door.post(CHAT, ASK)
    assert (status, headers["content-type"]) == (429, "application/json")
    assert json.loads(body)["error"]["code"] == "budget_exhausted"


class Caller(Speaker):
    """Says something and calls a tool."""

    async def complete(self, request: ChatRequest) -> ChatReply:
        assert request.hear is not None
        begun = ToolCall("c1", "run", "")
        for piece in (Piece("I run."), Piece(call=0, begun=begun), Piece(call=0, arguments='{"a": 1}')):
            request.hear(piece)
            await asyncio.sleep(0)
        return ChatReply("I run.", 10, 5, "tool_calls", tool_calls=(ToolCall("c1", "run", '{"a": 1}'),))


def told(door: Any, path: str) -> list[Any]:
    with door:
        lines = door.post(path, ASK)[2].decode().splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def test_a_chat_completion_streams_the_parts_of_a_tool_call(doorway: Any) -> None:
    events = told(doorway("", model=Caller()), CHAT)
    assert [event["choices"][0]["delta"] for event in events] == [
        {"role": "assistant", "content": ""}, {"content": "I run."},
        {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "run", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a": 1}'}}]}, {},
    ]  # fmt: skip


def test_a_message_streams_the_parts_of_a_tool_use_as_a_block_of_its_own(doorway: Any) -> None:
    events = told(doorway("", model=Caller()), MESSAGES)
    assert [event["type"] for event in events] == [
        "message_start", "content_block_start", "ping", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    assert events[6]["delta"] == {"type": "input_json_delta", "partial_json": '{"a": 1}'}
    assert [event["index"] for event in events if "index" in event] == [0, 0, 0, 1, 1, 1]


def test_a_response_streams_a_tool_call_as_an_item_of_its_own(doorway: Any) -> None:
    events = told(doorway("", model=Caller()), RESPONSES)
    assert [event["type"].removeprefix("response.") for event in events] == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.done",
        "content_part.done", "output_item.done", "output_item.added", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert [event["sequence_number"] for event in events] == list(range(13))
    assert events[-1]["response"]["output"] == [events[7]["item"], events[11]["item"]]
    assert (events[11]["item"]["call_id"], events[11]["item"]["arguments"]) == ("c1", '{"a": 1}')
