"""Tools that no server could be asked with, and keys that stand twice: the agent's own doing, and its 400."""

import json

import pytest

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
DEEP = '{"a":' * 65 + "1" + "}" * 65


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        ('{"a": NaN}', "invalid_json"), ('{"a": -Infinity}', "invalid_json"), ('{"a": 1e999}', "invalid_request"),
        (DEEP, "too_deep"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("path", "outer"),
    [
        (CHAT, '{"messages": [{"role": "user", "content": "Hi"}], "tools": [{"function": {"name": "r", "parameters": @}}]}'),
        ("/v1/responses", '{"input": "Hi", "tools": [{"type": "function", "name": "r", "parameters": @}]}'),
        (MESSAGES, '{"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "r", "input": @}]}]}'),
    ],
)  # fmt: skip
def test_values_that_no_server_could_be_asked_earn_no_second_attempt(doorway, path, outer, inner, reason):
    with doorway("ok", tools=True) as door:
        assert door.post_raw(path, outer.replace("@", inner).encode())[0] == 400
        assert door.events("model.refused")[0]["reason"] == reason
        assert door.door.fault is None


def test_a_schema_of_the_deepest_nesting_is_served(doorway):
    schema = json.loads(DEEP)["a"]
    with doorway("ok", tools=True) as door:
        tools = [{"type": "function", "name": "r", "parameters": schema}]
        assert door.post("/v1/responses", {"input": "Hi", "tools": tools})[0] == 200


def test_a_key_that_stands_twice_counts_as_written_last(doorway):
    with doorway("ok") as door:
        body = b'{"messages": [{"role": "user", "content": "one", "content": "two"}], "messages": 5}'
        assert door.post_raw(CHAT, body)[0] == 400
        assert door.post_raw(CHAT, body.replace(b', "messages": 5', b""))[0] == 200
        assert door.events("model.call")[0]["last"] == "two"
    assert door.model.asked[0].messages[0].content == "two"


SAID = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (CHAT, {"messages": [SAID], "x": [0] * 500_002}),
        (CHAT, {"messages": [SAID] * 10_001}),
        (MESSAGES, {"messages": [SAID | {"content": [{"type": "text", "text": ""}] * 1001}]}),
        ("/v1/responses", {"input": [SAID] * 10_001}),
    ],
    ids=["commas", "messages", "parts", "items"],
)
def test_more_values_than_any_conversation_has_are_refused_by_name(doorway, path, value):
    with doorway("ok") as door:
        assert door.post(path, value)[0] == 400
        assert [refused["reason"] for refused in door.events("model.refused")] == ["too_many_values"]
