"""The responses API through a real door: stateless, as documents and as streams."""

import json

import pytest

from sandbox.models.base import ChatReply, Message, Tool, ToolCall, ToolChoice

RESPONSES = "/v1/responses"
SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}}
CALLS = (ToolCall("c2", "run", '{"command": "cat a.txt"}'), ToolCall("c3", "stop", "{}"))
REPLY = ChatReply("Reading.", 10, 5, "tool_calls", tool_calls=CALLS)


def told(body):
    """(event name, document) of each server-sent event."""
    events = []
    for block in body.decode("utf-8").removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


def test_a_text_is_answered_with_one_document(doorway):
    asked = {"model": "gpt-x", "instructions": "Be brief.", "input": "Hi", "max_output_tokens": 40}
    with doorway("hello", sampling={"max_tokens": 100}) as door:
        status, headers, body = door.post(RESPONSES, asked)
        call = door.events("model.call")[0]
    value = json.loads(body)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert door.model.asked[0].messages == (Message("system", "Be brief."), Message("user", "Hi"))
    assert door.model.asked[0].sampling == {"max_tokens": 40}
    assert (call["api"], call["last"], call["messages"]) == ("responses", "Hi", 2)
    assert (value["id"], value["object"], value["status"], value["model"]) == (
        "resp_1", "response", "completed", "gpt-x",
    )  # fmt: skip
    assert value["output"] == [
        {
            "id": "msg_1",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "hello", "annotations": [], "logprobs": []}],
        }
    ]
    assert (value["usage"]["input_tokens"], value["usage"]["total_tokens"]) == (10, 15)


def test_all_three_apis_give_the_model_the_same_conversation(doorway):
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    parts = [{"role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]}, said[1]]
    with doorway("ok") as door:
        door.post("/v1/chat/completions", {"messages": said})
        door.post("/v1/messages", {"system": "Be brief.", "messages": said[1:]})
        door.post(RESPONSES, {"input": parts})
        assert len({call["digest"] for call in door.events("model.call")}) == 1


def test_what_an_assistant_said_and_called_is_one_message(doorway):
    asked = [
        {"role": "user", "content": "Look."},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Well."}]},
        {"type": "function_call", "call_id": "c0", "name": "run", "arguments": "{}"},
        {"type": "function_call", "call_id": "c1", "name": "run", "arguments": '{"command":"ls"}'},
        {"type": "function_call_output", "call_id": "c0", "output": "nothing"},
        {
            "type": "function_call_output",
            "call_id": "c1",
            "output": [{"type": "input_text", "text": "a.txt"}],
        },
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
    ]
    tools = [
        {"type": "function", "name": "run", "description": "Runs.", "parameters": SCHEMA, "strict": True}
    ]
    choice = {"type": "function", "name": "run"}
    with doorway("ok", tools=True) as door:
        value = json.loads(door.post(RESPONSES, {"input": asked, "tools": tools, "tool_choice": choice})[2])
    assert door.model.asked[0].messages == (
        Message("user", "Look."),
        Message(
            "assistant", "Well.", (ToolCall("c0", "run", "{}"), ToolCall("c1", "run", '{"command":"ls"}'))
        ),
        Message("tool", "nothing", tool_call_id="c0"),
        Message("tool", "a.txt", tool_call_id="c1"),
        Message("assistant", "No."),
    )
    assert door.model.asked[0].tools == (Tool("run", "Runs.", SCHEMA),)
    assert door.model.asked[0].tool_choice == ToolChoice("tool", "run")
    assert value["tool_choice"] == choice


def test_tool_calls_are_items_of_their_own(doorway):
    with doorway("", reply=REPLY, tools=True) as door:
        value = json.loads(door.post(RESPONSES, {"input": "Look."})[2])
    assert [item["type"] for item in value["output"]] == ["message", "function_call", "function_call"]
    assert value["output"][1] == {
        "id": "fc_1_0",
        "type": "function_call",
        "status": "completed",
        "call_id": "c2",
        "name": "run",
        "arguments": '{"command": "cat a.txt"}',
    }


def test_a_stream_has_the_api_s_events_in_order(doorway):
    text = "x" * 300
    with doorway("", reply=ChatReply(text, 10, 5, tool_calls=CALLS[:1]), tools=True) as door:
        _, headers, body = door.post(RESPONSES, {"input": "Look.", "stream": True})
    events = told(body)
    assert headers["content-type"] == "text/event-stream"
    assert [name for name, _ in events] == [
        "response.created", "response.in_progress",
        "response.output_item.added", "response.content_part.added",
        "response.output_text.delta", "response.output_text.delta", "response.output_text.done",
        "response.content_part.done", "response.output_item.done",
        "response.output_item.added", "response.function_call_arguments.delta",
        "response.function_call_arguments.done", "response.output_item.done",
        "response.completed",
    ]  # fmt: skip
    assert all(data["type"] == name for name, data in events)
    assert [data["sequence_number"] for _, data in events] == list(range(14))
    assert "".join(data["delta"] for name, data in events if name == "response.output_text.delta") == text
    assert (events[0][1]["response"]["status"], events[0][1]["response"]["output"]) == ("in_progress", [])
    assert events[9][1]["item"]["arguments"] == ""
    assert events[11][1]["arguments"] == '{"command": "cat a.txt"}'
    assert [item["type"] for item in events[-1][1]["response"]["output"]] == ["message", "function_call"]


def test_a_reply_cut_by_its_length_is_incomplete(doorway):
    with doorway("cut", finish="length") as door:
        value = json.loads(door.post(RESPONSES, {"input": "Hi"})[2])
        streamed = told(door.post(RESPONSES, {"input": "Hi", "stream": True})[2])
    assert (value["status"], value["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert streamed[-1][0] == "response.incomplete"


def test_a_refusal_is_a_part_of_its_own(doorway):
    with doorway("I will not.", refused=True) as door:
        value = json.loads(door.post(RESPONSES, {"input": "Hi"})[2])
        streamed = told(door.post(RESPONSES, {"input": "Hi", "stream": True})[2])
    assert value["output"][0]["content"] == [{"type": "refusal", "refusal": "I will not."}]
    assert "response.refusal.done" in [name for name, _ in streamed]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id_unsupported"),
        ({"conversation": "conv_1"}, "conversation_unsupported"),
        ({"prompt": {"id": "p"}}, "prompt_unsupported"),
        ({"background": True}, "background_unsupported"),
        ({"input": []}, "invalid_request"),
        ({"input": 5}, "invalid_request"),
        ({"input": ["Hi"]}, "content_unsupported"),
        ({"input": [{"role": "wizard", "content": "Hi"}]}, "invalid_request"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "content_unsupported"),
        ({"input": [{"type": "reasoning", "id": "r", "summary": []}]}, "content_unsupported"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "run"}]}, "invalid_request"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "invalid_request"),
        ({"tools": [{"type": "web_search"}]}, "invalid_request"),
        ({"tool_choice": {"type": "web_search"}}, "invalid_request"),
        ({"max_output_tokens": 0}, "invalid_request"),
    ],
)
def test_what_the_door_cannot_do_is_a_named_400_and_costs_no_turn(doorway, change, reason):
    with doorway("ok", tools=True) as door:
        status, _, body = door.post(RESPONSES, {"input": "Hi"} | change)
        assert door.budget.turns_used == 0
    assert (status, json.loads(body)["error"]["code"]) == (400, reason)


def test_for_a_model_without_tools_calls_are_refused_and_offers_ignored(doorway):
    with doorway("ok") as door:
        assert door.post(RESPONSES, {"input": "Hi", "tools": [{"type": "web_search"}]})[0] == 200
        called = [{"type": "function_call", "call_id": "c", "name": "run", "arguments": "{}"}]
        assert door.post(RESPONSES, {"input": called})[0] == 400
        assert door.events("model.refused")[0]["reason"] == "tools_unsupported"
