"""For a model that takes tools, both APIs carry them, in their own forms, as documents and as streams."""

import json

import pytest

from sandbox.canonical import digest, sha256
from sandbox.errors import ModelRefusal
from sandbox.models.base import ChatReply, Message, Tool, ToolCall, ToolChoice

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}}
ASKED = {
    CHAT: {
        "messages": [
            {"role": "user", "content": "Look."},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "run", "arguments": '{"command":"ls"}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "a.txt"},
        ],
        "tools": [
            {"type": "function", "function": {"name": "run", "description": "Runs.", "parameters": SCHEMA}}
        ],
        "tool_choice": {"type": "function", "function": {"name": "run"}},
    },
    MESSAGES: {
        "messages": [
            {"role": "user", "content": "Look."},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c1", "name": "run", "input": {"command": "ls"}}],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "a.txt"}]},
        ],
        "tools": [{"name": "run", "description": "Runs.", "input_schema": SCHEMA}],
        "tool_choice": {"type": "tool", "name": "run"},
    },
}  # fmt: skip
CALLS = (ToolCall("c2", "run", '{"command": "cat a.txt"}'), ToolCall("c3", "stop", "{}"))
REPLY = ChatReply("Reading.", 10, 5, "tool_calls", tool_calls=CALLS)


def streamed(body: bytes) -> list[dict]:
    """The documents of a stream, without its closing line."""
    lines = [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_both_apis_give_the_model_the_same_tools_and_results(doorway, path):
    with doorway("ok", tools=True) as door:
        assert door.post(path, ASKED[path])[0] == 200
        asked, calls = door.model.asked[0], door.events("model.call")
    assert asked.messages == (
        Message("user", "Look."),
        Message("assistant", "", (ToolCall("c1", "run", '{"command":"ls"}'),)),
        Message("tool", "a.txt", tool_call_id="c1"),
    )
    assert asked.tools == (Tool("run", "Runs.", SCHEMA),)
    assert asked.tool_choice == ToolChoice("tool", "run")
    assert (calls[0]["tools"], calls[0]["last"], calls[0]["messages"]) == (["run"], "a.txt", 3)
    assert calls[0]["digest"] == digest(
        [
            ["user", "Look."],
            ["assistant", "", [["c1", "run", '{"command":"ls"}']], None],
            ["tool", "a.txt", [], "c1"],
        ]
    )


@pytest.mark.parametrize(
    ("path", "change", "dialect"),
    [
        (CHAT, {}, "anthropic"),
        (MESSAGES, {}, "openai"),
        ("/v1/responses", {"input": "Hi", "tools": [{"type": "function", "name": "run"}]}, "anthropic"),
        (MESSAGES, {"tools": None, "tool_choice": None}, "openai"),
        (CHAT, {"messages": [{"role": "user", "content": "Hi"}]}, "anthropic"),
    ],
)
def test_tools_do_not_cross_from_one_api_to_another(doorway, path, change, dialect):
    with doorway("ok", tools=frozenset({dialect})) as door:
        status, headers, body = door.post(path, ASKED.get(path, {}) | change)
        assert door.events("model.refused")[0]["reason"] == "tools_across_apis"
        assert (door.budget.turns_used, door.model.asked) == (0, [])
        text = {"input": "Hi", "messages": [{"role": "user", "content": "Hi"}]}
        assert door.post(path, text)[0] == 200
    assert (status, headers["x-should-retry"]) == (400, "false")
    assert "tools_across_apis" in body.decode()


def test_the_two_openai_apis_share_their_tools(doorway):
    tool = {"type": "function", "name": "run"}
    with doorway("", reply=REPLY, tools=frozenset({"openai"})) as door:
        assert door.post("/v1/responses", {"input": "Hi", "tools": [tool]})[0] == 200
        assert door.post(CHAT, ASKED[CHAT])[0] == 200


@pytest.mark.parametrize(
    ("path", "written", "mode"),
    [
        (CHAT, "auto", "auto"), (CHAT, "none", "none"), (CHAT, "required", "required"),
        (MESSAGES, {"type": "auto"}, "auto"), (MESSAGES, {"type": "any"}, "required"),
        (MESSAGES, {"type": "none"}, "none"),
    ],
)  # fmt: skip
def test_a_choice_of_tools_keeps_its_meaning(doorway, path, written, mode):
    with doorway("ok", tools=True) as door:
        door.post(path, ASKED[path] | {"tool_choice": written})
    assert door.model.asked[0].tool_choice == ToolChoice(mode)


def test_chat_completions_answers_tool_calls(doorway):
    with doorway("", reply=REPLY, tools=True) as door:
        choice = json.loads(door.post(CHAT, ASKED[CHAT])[2])["choices"][0]
        replies = door.events("model.reply")
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"] == {
        "role": "assistant",
        "content": "Reading.",
        "refusal": None,
        "tool_calls": [
            {
                "id": "c2",
                "type": "function",
                "function": {"name": "run", "arguments": '{"command": "cat a.txt"}'},
            },
            {"id": "c3", "type": "function", "function": {"name": "stop", "arguments": "{}"}},
        ],
    }
    assert replies[0]["calls"] == [["c2", "run", '{"command": "cat a.txt"}'], ["c3", "stop", "{}"]]


def test_chat_completions_streams_tool_calls(doorway):
    with doorway("", reply=REPLY, tools=True) as door:
        body = door.post(CHAT, ASKED[CHAT] | {"stream": True})[2]
    assert body.endswith(b"data: [DONE]\n\n")
    choices = [chunk["choices"][0] for chunk in streamed(body)]
    assert [choice["delta"] for choice in choices] == [
        {"role": "assistant", "content": ""},
        {"content": "Reading."},
        {"tool_calls": [{"index": 0, "id": "c2", "type": "function", "function": {"name": "run", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"command": "cat a.txt"}'}}]},
        {"tool_calls": [{"index": 1, "id": "c3", "type": "function", "function": {"name": "stop", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
        {},
    ]  # fmt: skip
    assert choices[-1]["finish_reason"] == "tool_calls"


def test_messages_answers_tool_uses(doorway):
    with doorway("", reply=REPLY, tools=True) as door:
        answer = json.loads(door.post(MESSAGES, ASKED[MESSAGES])[2])
    assert answer["stop_reason"] == "tool_use"
    assert answer["content"] == [
        {"type": "text", "text": "Reading."},
        {"type": "tool_use", "id": "c2", "name": "run", "input": {"command": "cat a.txt"}},
        {"type": "tool_use", "id": "c3", "name": "stop", "input": {}},
    ]


def test_messages_streams_tool_uses(doorway):
    with doorway("", reply=ChatReply("", 10, 5, "tool_calls", tool_calls=CALLS[:1]), tools=True) as door:
        events = streamed(door.post(MESSAGES, ASKED[MESSAGES] | {"stream": True})[2])
    assert [event["type"] for event in events] == [
        "message_start", "content_block_start", "ping", "content_block_delta", "content_block_stop",
        "message_delta", "message_stop",
    ]  # fmt: skip
    assert events[1]["content_block"] == {"type": "tool_use", "id": "c2", "name": "run", "input": {}}
    assert events[3]["delta"] == {"type": "input_json_delta", "partial_json": '{"command":"cat a.txt"}'}
    assert events[5]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}


@pytest.mark.parametrize(
    "written", ["{broken", "[]", '{"a": Infinity}', '{"a": 1e999}', '{"a":' * 70 + "1" + "}" * 70]
)
def test_arguments_that_are_no_object_are_shown_whole_where_the_api_needs_one(doorway, written):
    broken = ChatReply("", 1, 1, "tool_calls", tool_calls=(ToolCall("c", "run", written),))
    with doorway("", reply=broken, tools=True) as door:
        content = json.loads(door.post(MESSAGES, ASKED[MESSAGES])[2])["content"]
    assert content == [{"type": "tool_use", "id": "c", "name": "run", "input": {"invalid_json": written}}]


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (CHAT, {"tools": {"name": "run"}}),
        (CHAT, {"tools": [{"type": "function", "function": {"name": "run"}}] * 129}),
        (CHAT, {"tools": [{"type": "custom", "custom": {"name": "run"}}]}),
        (CHAT, {"tools": [{"type": "function", "function": {"name": ""}}]}),
        (CHAT, {"tools": [{"type": "function", "function": {"name": "run", "parameters": []}}]}),
        (CHAT, {"tool_choice": "maybe"}),
        (CHAT, {"tool_choice": {"type": "function"}}),
        (CHAT, {"messages": [{"role": "tool", "content": "x"}]}),
        (CHAT, {"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "run"}}]}]}),
        (MESSAGES, {"tools": [{"input_schema": {}}]}),
        (MESSAGES, {"tool_choice": "auto"}),
        (MESSAGES, {"tool_choice": {"type": "tool"}}),
        (MESSAGES, {"messages": [{"role": "assistant", "content": [{"type": "tool_result", "tool_use_id": "c"}]}]}),
        (MESSAGES, {"messages": [{"role": "user", "content": [{"type": "tool_use", "id": "c", "name": "run"}]}]}),
        (MESSAGES, {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "r"}]}]}),
    ],
)  # fmt: skip
def test_malformed_tools_are_refused_and_cost_no_turn(doorway, path, change):
    with doorway("ok", tools=True) as door:
        assert door.post(path, ASKED[path] | change)[0] == 400
        assert door.events("model.refused")[0]["reason"] == "invalid_request"
        assert door.budget.turns_used == 0


def test_a_result_and_a_question_in_one_message_are_two_messages(doorway):
    parts = [{"type": "tool_result", "tool_use_id": "c1"}, {"type": "text", "text": "And now?"}]
    with doorway("ok", tools=True) as door:
        door.post(MESSAGES, {"messages": [{"role": "user", "content": parts}]})
    assert door.model.asked[0].messages == (
        Message("tool", "", tool_call_id="c1"),
        Message("user", "And now?"),
    )


def test_what_no_model_could_answer_is_told_to_the_agent_by_name_and_recorded(doorway):
    async def overflow():
        raise ModelRefusal("context_overflow", "too long", "run7 has 4096 tokens")

    with doorway("ok", before=overflow) as door:
        status, headers, body = door.chat()
        assert door.chat()[0] == 400
        assert door.events("model.unanswerable") == [
            {
                "turn": turn,
                "reason": "context_overflow",
                "message": "too long",
                "detail": "run7 has 4096 tokens",
            }
            for turn in (1, 2)
        ]
        assert (door.door.fault, door.budget.turns_used) == (None, 2)
    assert (status, headers["x-should-retry"]) == (400, "false")
    assert json.loads(body)["error"]["code"] == "context_overflow"
    assert b"4096" not in body


def test_a_reply_that_an_event_must_cut_is_kept_whole(doorway):
    kept = []
    long, arguments = "ü" * 5000, json.dumps({"text": "x" * 9000})
    reply = ChatReply(long, 1, 1, tool_calls=(ToolCall("c", "run", arguments),))
    with doorway("", reply=reply, tools=True, keep=kept.append) as door:
        door.chat()
        recorded = door.events("model.reply")[0]
    assert kept == [long.encode(), arguments.encode()]
    assert recorded["text"]["sha256"] == sha256(long.encode())
    assert recorded["calls"][0][2]["sha256"] == sha256(arguments.encode())


def test_tokens_that_nobody_counted_are_null_and_charged_at_the_most_they_can_be(doorway):
    with doorway("", reply=ChatReply("ok", None, None), sampling={"max_tokens": 50}) as door:
        answer = json.loads(door.chat("Hi")[2])
        reply = door.events("model.reply")[0]
        assert (door.budget.tokens_in, door.budget.tokens_out) == (None, None)
        assert door.budget.tokens_used == len('[[["user","Hi"]],[]]') + 50
    assert (reply["tokens_in"], reply["tokens_out"], answer["usage"]) == (None, None, None)
