"""The two model APIs through a real door on a real unix socket."""

import json

import pytest


@pytest.fixture
def say():
    """Requests in each API's form for the same conversation."""
    return {
        "/v1/chat/completions": {
            "model": "gpt-x",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        },
        "/v1/messages": {
            "model": "claude-x",
            "max_tokens": 64,
            "system": "Be brief.",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        },
    }


def sse(body):
    """(event name or None, data text) of each server-sent event."""
    events = []
    for block in body.decode("utf-8").removesuffix("\n\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        events.append((fields.get("event"), fields["data"]))
    return events


def test_chat_completions_answers_one_document(doorway, say):
    with doorway("hello there") as door:
        status, headers, body = door.post("/v1/chat/completions", say["/v1/chat/completions"])
    value = json.loads(body)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert value.pop("created") > 0
    assert value == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "gpt-x",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hello there", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def test_messages_answers_one_document(doorway, say):
    with doorway("hello there") as door:
        status, _, body = door.post("/v1/messages", say["/v1/messages"])
    assert status == 200
    assert json.loads(body) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [{"type": "text", "text": "hello there"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }


def test_both_apis_give_the_model_the_same_conversation(doorway, say):
    with doorway("ok") as door:
        for path, request in say.items():
            door.post(path, request)
        asked = [[(m.role, m.content) for m in request.messages] for request in door.model.asked]
        calls = door.events("model.call")
    assert asked == [[("system", "Be brief."), ("user", "Hi")]] * 2
    assert calls[0]["digest"] == calls[1]["digest"]
    assert [(c["turn"], c["api"], c["model"], c["messages"], c["last"]) for c in calls] == [
        (1, "chat.completions", "gpt-x", 2, "Hi"),
        (2, "messages", "claude-x", 2, "Hi"),
    ]


def test_chat_completions_streams_the_whole_reply_as_chunks(doorway, say):
    text = "".join(chr(0x3B1 + i % 24) for i in range(600))
    request = say["/v1/chat/completions"] | {"stream": True, "stream_options": {"include_usage": True}}
    with doorway(text) as door:
        status, headers, body = door.post("/v1/chat/completions", request)
    events = sse(body)
    chunks = [json.loads(data) for _, data in events[:-1]]
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    assert events[-1] == (None, "[DONE]")
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert {chunk["id"] for chunk in chunks} == {"chatcmpl-1"}
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("content", "") for delta in deltas) == text
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-4:-1]] == [None, None, "stop"]
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def test_chat_completions_stream_has_no_usage_unless_asked_for(doorway, say):
    with doorway("ok") as door:
        _, _, body = door.post("/v1/chat/completions", say["/v1/chat/completions"] | {"stream": True})
    assert all("usage" not in json.loads(data) for _, data in sse(body)[:-1])


def test_messages_streams_the_events_in_the_api_s_order(doorway, say):
    with doorway("x" * 300) as door:
        status, headers, body = door.post("/v1/messages", say["/v1/messages"] | {"stream": True})
    events = [(name, json.loads(data)) for name, data in sse(body)]
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    assert [name for name, _ in events] == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert all(data["type"] == name for name, data in events)
    assert events[0][1]["message"] == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 0},
    }
    assert (
        "".join(data["delta"]["text"] for name, data in events if name == "content_block_delta") == "x" * 300
    )
    assert events[-2][1] == {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 5},
    }


def test_a_reply_cut_by_its_length_says_so_in_each_form(doorway, say):
    with doorway("cut", finish="length") as door:
        _, _, chat = door.post("/v1/chat/completions", say["/v1/chat/completions"])
        _, _, messages = door.post("/v1/messages", say["/v1/messages"])
    assert json.loads(chat)["choices"][0]["finish_reason"] == "length"
    assert json.loads(messages)["stop_reason"] == "max_tokens"


def test_a_refusal_by_the_model_is_recorded_and_told_where_the_api_has_a_word_for_it(doorway, say):
    with doorway("I will not.", refused=True) as door:
        assert door.post("/v1/chat/completions", say["/v1/chat/completions"])[0] == 200
        _, _, body = door.post("/v1/messages", say["/v1/messages"])
        assert [reply["refused"] for reply in door.events("model.reply")] == [True, True]
    assert json.loads(body)["stop_reason"] == "refusal"


def test_a_lone_surrogate_reaches_neither_the_model_nor_breaks_the_answer(doorway):
    with doorway("\ud83d oops") as door:
        status, _, body = door.post_raw(
            "/v1/chat/completions", b'{"messages": [{"role": "user", "content": "a\\ud800b"}]}'
        )
        assert door.model.asked[0].messages[0].content == "a?b"
    assert status == 200
    assert json.loads(body)["choices"][0]["message"]["content"] == "\ud83d oops"


def test_each_api_lists_one_model_in_its_own_form(doorway):
    with doorway("ok") as door:
        _, _, openai = door.request("GET", "/v1/models")
        _, _, anthropic = door.request("GET", "/v1/models", headers={"anthropic-version": "2023-06-01"})
    assert json.loads(openai) == {
        "object": "list",
        "data": [{"id": "model", "object": "model", "created": 0, "owned_by": "system"}],
    }
    assert json.loads(anthropic)["data"][0]["type"] == "model"
    assert json.loads(anthropic)["first_id"] == "model"


def test_sampling_is_the_experiment_s_and_the_agent_can_only_lower_max_tokens(doorway, say):
    chat = say["/v1/chat/completions"]
    with doorway("ok", sampling={"temperature": 0.7, "max_tokens": 100}) as door:
        door.post("/v1/chat/completions", chat | {"temperature": 2, "top_p": 0.1, "max_tokens": 40})
        door.post("/v1/chat/completions", chat | {"max_completion_tokens": 4000})
        door.post("/v1/messages", say["/v1/messages"])
        asked = [request.sampling for request in door.model.asked]
    assert asked == [{"temperature": 0.7, "max_tokens": n} for n in (40, 100, 64)]


def test_offered_tools_are_ignored(doorway, say):
    tools = [{"type": "function", "function": {"name": "run", "parameters": {}}}]
    with doorway("ok") as door:
        status, _, _ = door.post("/v1/chat/completions", say["/v1/chat/completions"] | {"tools": tools})
    assert status == 200


CALL = {"id": "1", "type": "function", "function": {"name": "run", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/v1/chat/completions", {"role": "assistant", "content": None, "tool_calls": [CALL]}),
        ("/v1/chat/completions", {"role": "tool", "tool_call_id": "1", "content": "out"}),
        ("/v1/messages", {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1"}]}),
        ("/v1/messages", {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "run"}]}),
    ],
)
def test_a_conversation_with_tool_calls_is_refused_by_name(doorway, path, message):
    with doorway("ok") as door:
        status, _, body = door.post(path, {"messages": [message]})
        assert door.model.asked == []
        assert door.events("model.refused") == [{"status": 400, "reason": "tools_unsupported", "path": path}]
    assert status == 400
    assert "tools_unsupported" in body.decode()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"messages": []}, "invalid_request"),
        ({"messages": "hi"}, "invalid_request"),
        ({"messages": ["hi"]}, "invalid_request"),
        ({"messages": [{"role": "wizard", "content": "hi"}]}, "invalid_request"),
        ({"messages": [{"role": "user", "content": 5}]}, "invalid_request"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "invalid_request"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "content_unsupported"),
        ({"max_tokens": 0}, "invalid_request"),
        ({"max_tokens": True}, "invalid_request"),
        ({"max_tokens": 1e400}, "invalid_json"),
        ({"stream": "yes"}, "invalid_request"),
        ({"model": 7}, "invalid_request"),
        ({"n": 2}, "n_unsupported"),
        ({"stream_options": 1}, "invalid_request"),
    ],
)
def test_a_request_that_means_nothing_is_a_named_400(doorway, say, change, reason):
    with doorway("ok") as door:
        status, _, body = door.post("/v1/chat/completions", say["/v1/chat/completions"] | change)
    error = json.loads(body)["error"]
    assert (status, error["code"], error["type"]) == (400, reason, "invalid_request_error")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"a": ' + b"9" * 5000 + b"}", b"[" * 100_000, b'{"a":' * 100_000],
    ids=["empty", "torn", "list", "not utf-8", "huge number", "deep list", "deep object"],
)
def test_a_body_that_is_no_json_object_is_a_named_400(doorway, body):
    with doorway("ok") as door:
        assert door.post_raw("/v1/chat/completions", body)[0] == 400
        assert door.post_raw("/v1/messages", body)[0] == 400
        assert [refused["reason"] for refused in door.events("model.refused")] == ["invalid_json"] * 2


def test_a_body_of_hardly_anything_but_brackets_is_refused_unparsed(doorway):
    with doorway("ok") as door:
        assert door.post_raw("/v1/messages", b'{"messages": [' + b"[]," * 200_000 + b"[]]}")[0] == 400
        assert [refused["reason"] for refused in door.events("model.refused")] == ["too_many_values"]


def test_anything_else_is_a_404_in_that_api_s_form(doorway):
    with doorway("ok") as door:
        _, _, openai = door.request("POST", "/v1/embeddings", b"{}")
        status, _, anthropic = door.request("POST", "/v1/messages/count_tokens", b"{}")
        assert door.request("GET", "/v1/chat/completions")[0] == 404
        assert door.request("HEAD", "/v1/models")[::2] == (404, b"")
        assert [refused["path"] for refused in door.events("model.refused")] == [
            "/v1/embeddings",
            "/v1/messages/count_tokens",
            "/v1/chat/completions",
            "/v1/models",
        ]
    message = "there is nothing at this address"
    assert json.loads(openai) == {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": "not_found"}
    }
    assert status == 404
    assert json.loads(anthropic) == {
        "type": "error",
        "error": {"type": "not_found_error", "message": f"not_found: {message}"},
    }


def test_a_query_does_not_change_the_address(doorway, say):
    with doorway("ok") as door:
        assert door.post("/v1/messages?beta=true", say["/v1/messages"])[0] == 200


def test_without_a_model_its_endpoints_do_not_exist(doorway, say):
    with doorway(None) as door:
        for path, request in say.items():
            assert door.post(path, request)[0] == 404
        assert door.request("GET", "/v1/models")[0] == 404
