"""The pieces of an answer, in the events of each API, make the answer."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.door.apis.anthropic import Anthropic
from sandbox.door.apis.base import Call
from sandbox.door.apis.openai import OpenAI
from sandbox.door.apis.responses import Responses
from sandbox.models.base import ChatReply, Piece, ToolCall

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)
PARTS = st.lists(st.one_of(TEXT, st.lists(TEXT, max_size=3)), max_size=6)


def said(parts: list[Any]) -> tuple[list[Piece], ChatReply]:
    """Pieces of text and of calls, in order, and the reply that they make."""
    pieces: list[Piece] = []
    calls: list[ToolCall] = []
    for part in parts:
        if isinstance(part, str):
            pieces.append(Piece(part))
            continue
        begun = ToolCall(f"c{len(calls)}", "run", "")
        pieces += [Piece(call=len(calls), begun=begun), *(Piece(call=len(calls), arguments=a) for a in part)]
        calls.append(replace(begun, arguments="".join(part)))
    text = "".join(part for part in parts if isinstance(part, str))
    return pieces, ChatReply(text, 10, 5, "tool_calls" if calls else "stop", tool_calls=tuple(calls))


def events_of(api: Any, pieces: list[Piece], reply: ChatReply) -> list[Any]:
    stream = api.stream(Call((), "m", stream=True, max_tokens=None), 1)
    body = b"".join([*(e for piece in pieces for e in stream.piece(piece)), *stream.end(reply)]).decode()
    return [json.loads(line[6:]) for line in body.split("\n") if line.startswith("data: {")]


def test_a_response_whose_model_says_no_says_so_in_a_part_of_its_own() -> None:
    pieces = [Piece("Well. "), Piece("I will ", refused=True), Piece("not.", refused=True)]
    events = events_of(Responses(), pieces, ChatReply("Well. I will not.", 10, 5, refused=True))
    said = [item["content"] for item in events[-1]["response"]["output"]]
    assert said == [
        [{"type": "output_text", "text": "Well. ", "annotations": [], "logprobs": []}],
        [{"type": "refusal", "refusal": "I will not."}],
    ]
    assert [event["item_id"] for event in events if "delta" in event] == ["msg_1", "msg_1_1", "msg_1_1"]


def test_calls_of_a_response_may_take_turns_and_one_without_arguments_has_an_empty_object() -> None:
    first, second, third = (ToolCall(f"c{number}", "run", "") for number in range(3))
    pieces = [
        Piece(call=0, begun=first), Piece(call=1, begun=second), Piece(call=0, arguments="[1"),
        Piece(call=1, arguments="[2]"), Piece(call=0, arguments="]"), Piece(call=2, begun=third),
    ]  # fmt: skip
    whole = [replace(call, arguments=said) for call, said in ((first, "[1]"), (second, "[2]"), (third, "{}"))]
    events = events_of(Responses(), pieces, ChatReply("", 10, 5, "tool_calls", tool_calls=tuple(whole)))
    assert [item["arguments"] for item in events[-1]["response"]["output"]] == ["[1]", "[2]", "{}"]


@settings(max_examples=100, deadline=None)
@given(PARTS)
def test_the_pieces_of_a_chat_completion_make_the_reply(parts: list[Any]) -> None:
    pieces, reply = said(parts)
    text, calls = "", dict[int, str]()
    for event in events_of(OpenAI(), pieces, reply):
        delta = event["choices"][0]["delta"]
        text += delta.get("content", "")
        for call in delta.get("tool_calls", []):
            calls[call["index"]] = calls.get(call["index"], "") + call["function"]["arguments"]
    assert text == reply.text
    assert calls == {number: call.arguments for number, call in enumerate(reply.tool_calls)}


@settings(max_examples=100, deadline=None)
@given(PARTS)
def test_the_pieces_of_a_message_make_the_reply_in_blocks_that_are_closed_in_turn(parts: list[Any]) -> None:
    pieces, reply = said(parts)
    blocks: list[list[str]] = []
    open_block: int | None = None
    for event in events_of(Anthropic(), pieces, reply):
        match event["type"]:
            case "content_block_start":
                assert (open_block, event["index"]) == (None, len(blocks))
                open_block = event["index"]
                blocks.append([event["content_block"]["type"], ""])
            case "content_block_delta":
                assert event["index"] == open_block
                blocks[-1][1] += event["delta"].get("text") or event["delta"].get("partial_json")
            case "content_block_stop":
                assert event["index"] == open_block
                open_block = None
    assert open_block is None
    assert "".join(text for kind, text in blocks if kind == "text") == reply.text
    assert [text for kind, text in blocks if kind == "tool_use"] == [c.arguments for c in reply.tool_calls]
    assert blocks


@settings(max_examples=100, deadline=None)
@given(PARTS)
def test_the_pieces_of_a_response_make_the_items_that_its_end_repeats(parts: list[Any]) -> None:
    pieces, reply = said(parts)
    events = events_of(Responses(), pieces, reply)
    deltas, done = dict[int, str](), dict[int, Any]()
    for event in events:
        if event["type"].endswith(".delta"):
            index = event["output_index"]
            assert index not in done
            deltas[index] = deltas.get(index, "") + event["delta"]
        elif event["type"] == "response.output_item.done":
            done[event["output_index"]] = event["item"]
    output = events[-1]["response"]["output"]
    assert output == [done[index] for index in range(len(done))]
    texts = [item["content"][0]["text"] for item in output if item["type"] == "message"]
    assert "".join(texts) == reply.text
    assert [item["arguments"] for item in output if item["type"] != "message"] == [
        call.arguments for call in reply.tool_calls
    ]
    assert {index: text for index, text in deltas.items() if text} == {
        index: text
        for index, item in done.items()
        if (text := item["content"][0]["text"] if item["type"] == "message" else item["arguments"])
    }
