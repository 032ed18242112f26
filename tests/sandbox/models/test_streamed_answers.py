"""A served model is heard while it speaks, and what was heard is what it said."""

import asyncio
import json
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.errors import ModelFault, ModelRefusal
from sandbox.models.anthropic_wire import ANTHROPIC
from sandbox.models.base import ChatReply, ChatRequest, Message, Piece, ToolCall
from sandbox.models.endpoint import Endpoint
from sandbox.models.openai_wire import OPENAI
from sandbox.models.served import Patience, ServedModel
from sandbox.models.stream import Blanker, ServerEvents

SWIFT = Patience(tries=3, answer=30.0, first=0.01, longest=1.0, jitter=lambda: 1.0)
HI = (Message("user", "Hi"),)
KEY = "sk-0123456789-SECRET"


def ask(
    upstream: Any, heard: list[Piece], *, wire: Any = OPENAI, key: str | None = None, hear: Any = None
) -> ChatReply:
    endpoint = Endpoint(upstream.base_url, key, headers=wire.headers)
    model = ServedModel(endpoint, "run7", SWIFT, wire)
    return asyncio.run(model.complete(ChatRequest(HI, hear=hear or heard.append)))


def test_text_is_heard_before_the_server_has_ended(upstream: Any) -> None:
    last = threading.Event()
    upstream.told = [
        upstream.streamed(upstream.chunk("hel"), last, upstream.chunk("lo", "stop"), upstream.usage, upstream.done)
    ]  # fmt: skip
    heard: list[Piece] = []

    def hear(piece: Piece) -> None:
        heard.append(piece)
        last.set()

    reply = ask(upstream, heard, hear=hear)
    assert heard == [Piece("hel"), Piece("lo")]
    assert (reply.text, reply.tokens_in, reply.tokens_out, reply.finish) == ("hello", 7, 2, "stop")
    assert upstream.bodies[0]["stream"] is True
    assert upstream.bodies[0]["stream_options"] == {"include_usage": True}


def test_where_nobody_listens_no_stream_is_asked_for(upstream: Any) -> None:
    asyncio.run(ServedModel(Endpoint(upstream.base_url), "run7", SWIFT).complete(ChatRequest(HI)))
    assert "stream" not in upstream.bodies[0]


def test_a_server_that_answers_whole_all_the_same_is_taken(upstream: Any) -> None:
    heard: list[Piece] = []
    assert ask(upstream, heard).text == "hello"
    assert heard == []


def test_tool_calls_are_heard_in_parts_and_told_whole(upstream: Any) -> None:
    def called(index: int, **told: Any) -> Any:
        return upstream.chunk(delta={"tool_calls": [{"index": index, **told}]})

    upstream.told = [
        upstream.streamed(
            called(0, id="c1", type="function", function={"name": "run", "arguments": ""}),
            called(0, function={"arguments": '{"a"'}), called(0, function={"arguments": ": 1}"}),
            called(1, function={"name": "stop", "arguments": ""}),
            upstream.chunk(finish="tool_calls"), upstream.done,
        )
    ]  # fmt: skip
    heard: list[Piece] = []
    reply = ask(upstream, heard)
    assert reply.tool_calls == (ToolCall("c1", "run", '{"a": 1}'), ToolCall("call_1", "stop", "{}"))
    assert (reply.finish, reply.tokens_in) == ("tool_calls", None)
    assert heard == [
        Piece(call=0, begun=ToolCall("c1", "run", "")), Piece(call=0, arguments='{"a"'),
        Piece(call=0, arguments=": 1}"), Piece(call=1, begun=ToolCall("call_1", "stop", "")),
    ]  # fmt: skip


MESSAGE: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 5, "cache_read_input_tokens": 2}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "I run."}},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "t1", "name": "run", "input": {}}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"a": 1}'}},
    {"type": "content_block_stop", "index": 2},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
]  # fmt: skip


def test_a_stream_of_messages_is_heard_likewise_without_its_thoughts(upstream: Any) -> None:
    upstream.told = [upstream.streamed(*MESSAGE)]
    heard: list[Piece] = []
    reply = ask(upstream, heard, wire=ANTHROPIC)
    assert (reply.text, reply.tokens_in, reply.tokens_out, reply.finish) == ("I run.", 7, 9, "tool_calls")
    assert reply.tool_calls == (ToolCall("t1", "run", '{"a": 1}'),)
    assert heard == [
        Piece("I run.", tokens_in=7), Piece(call=0, begun=ToolCall("t1", "run", "")),
        Piece(call=0, arguments='{"a": 1}'),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wire", "cut", "told"),
    [
        (OPENAI, lambda up: [up.chunk("hel")], "answered garbage: a stream that broke off"),
        (OPENAI, lambda up: [up.chunk("hel"), {"error": {"message": "gone"}}], "broke off its stream: gone"),
        (OPENAI, lambda up: [up.chunk("hel"), "data: {\n\n"], "answered garbage: no JSON"),
        (ANTHROPIC, lambda up: MESSAGE[:6], "answered garbage: a stream that broke off"),
        (ANTHROPIC, lambda up: [*MESSAGE[:6], {"type": "error", "error": {"type": "overloaded_error"}}],
         "broke off its stream: overloaded_error"),
    ],
)  # fmt: skip
def test_a_stream_that_breaks_off_after_something_was_said_is_not_asked_again(
    upstream: Any, wire: Any, cut: Any, told: str
) -> None:
    upstream.told = [upstream.streamed(*cut(upstream))]
    with pytest.raises(ModelFault, match=rf"^{told} \(try 1\)$"):
        ask(upstream, [], wire=wire)
    assert len(upstream.seen) == 1


def test_a_stream_that_breaks_off_before_is_asked_again(upstream: Any) -> None:
    whole = upstream.streamed(upstream.chunk("hello", "stop"), upstream.usage, upstream.done)
    upstream.told = [
        upstream.streamed(), upstream.streamed({"error": {"message": "overloaded"}}), whole,
    ]  # fmt: skip
    heard: list[Piece] = []
    reply = ask(upstream, heard)
    assert heard == [Piece("hello")]
    assert reply.notes["failures"] == [
        "answered garbage: a stream that broke off", "broke off its stream: overloaded",
    ]  # fmt: skip


def test_a_stream_that_says_the_conversation_is_too_long_is_the_agents(upstream: Any) -> None:
    upstream.told = [upstream.streamed({"error": {"message": "prompt is too long"}})]
    with pytest.raises(ModelRefusal, match="context_overflow"):
        ask(upstream, [])


def test_a_key_that_a_stream_repeats_in_parts_is_not_heard(
    upstream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_KEY", KEY)
    parts = ["the key is sk-0123", "456789-SEC", "RET, or sk-0 and ", "sk"]
    upstream.told = [
        upstream.streamed(*(upstream.chunk(part) for part in parts), upstream.chunk(finish="stop"), upstream.done)
    ]  # fmt: skip
    heard: list[Piece] = []
    reply = ask(upstream, heard, key="OWN_KEY")
    assert [piece.text for piece in heard] == ["the key is ", "[key], or sk-0 and ", "sk"]
    assert reply.text == "the key is [key], or sk-0 and sk"


LETTERS = "ab"
TEXTS = st.text(st.sampled_from(f"{LETTERS}\\"), max_size=6)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(TEXTS, st.sampled_from(["abbabbaa", r"\abbabbaa", r"abb%61bbaa", "abbab"])), max_size=8
    )
)
def test_what_is_blanked_does_not_depend_on_where_a_text_is_cut(parts: list[str]) -> None:
    key, text = "abbabbaa", "".join(parts)
    whole, cut = Blanker(key), Blanker(key)
    said = "".join(cut.feed(part) for part in parts) + cut.flush()
    assert said == whole.feed(text) + whole.flush()
    assert key not in said


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 40), max_size=8), st.sampled_from(["\n", "\r\n", "\r"]))
def test_events_do_not_depend_on_where_a_body_is_cut(cuts: list[int], end: str) -> None:
    lines = [": a comment", "event: x", "data: one", "", "data:two", "data: lines", "", "data: unfinished"]
    body = end.join(lines).encode()
    events, found = ServerEvents(), []
    for size in [*cuts, len(body)]:
        found += events.feed(body[:size])
        body = body[size:]
    assert found == [b"one", b"two\nlines"]


def test_an_event_may_have_no_end_and_then_is_none() -> None:
    assert list(ServerEvents().feed(b'data: {"a": 1}\n')) == []
    assert json.loads(next(iter(ServerEvents().feed(b'data: {"a": 1}\n\n')))) == {"a": 1}
