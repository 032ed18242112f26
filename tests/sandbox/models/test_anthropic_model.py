"""A model behind the Anthropic API is asked in its form, and what its servers do wrong is borne."""

import asyncio
import json
from typing import Any

import pytest

from sandbox.errors import ModelFault, ModelRefusal
from sandbox.models.base import ChatReply, ChatRequest, Message, Tool, ToolCall, ToolChoice
from sandbox.models.served import ServedModel, endpoint_of, open_served

HI = (Message("system", "Be brief."), Message("user", "Hi"))
SAMPLING = {"temperature": 0.5, "max_tokens": 64}
KEY = "sk-ant-0123456789-SECRET"


def message(*blocks: Any, stop: str = "end_turn", **changes: Any) -> tuple[int, bytes, dict[str, str]]:
    """A whole message of 7 tokens in and 2 out."""
    value = {
        "id": "msg_x", "type": "message", "role": "assistant", "model": "served-name",
        "content": list(blocks), "stop_reason": stop, "usage": {"input_tokens": 7, "output_tokens": 2},
    }  # fmt: skip
    return 200, json.dumps({**value, **changes}).encode(), {}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def ask(upstream: Any, *messages: Message, **request: Any) -> ChatReply:
    model = open_served("anthropic", {"base_url": upstream.base_url.removesuffix("/v1"), "model": "run7"})
    return asyncio.run(model.complete(ChatRequest(messages or HI, SAMPLING, **request)))


def test_a_request_has_the_api_s_form(upstream: Any) -> None:
    upstream.told = [message(text("hel"), {"type": "thinking", "thinking": "?"}, text("lo"))]
    reply = ask(upstream)
    _, path, headers, body = upstream.seen[0]
    assert (path, headers["anthropic-version"]) == ("/v1/messages", "2023-06-01")
    assert "authorization" not in headers
    assert body == {
        "model": "run7", "system": "Be brief.", "messages": [{"role": "user", "content": "Hi"}], **SAMPLING,
    }  # fmt: skip
    assert (reply.text, reply.tokens_in, reply.tokens_out, reply.finish) == ("hello", 7, 2, "stop")
    assert dict(reply.notes, waited_ms=0) == {"served": "served-name", "failures": [], "waited_ms": 0}


def test_tools_go_up_and_their_uses_come_down(upstream: Any) -> None:
    use = {"type": "tool_use", "id": "c2", "name": "run", "input": {"command": "ls"}}
    upstream.told = [message(text("Well."), use, stop="tool_use")]
    calls = (ToolCall("c0", "run", '{"command":"a"}'), ToolCall("c1", "run", "{}"))
    asked = (
        Message("user", "Look."),
        Message("assistant", "", calls),
        Message("tool", "a file", tool_call_id="c0"),
        Message("tool", "", tool_call_id="c1", tool_failed=True),
        Message("user", "And?"),
    )
    tools = (Tool("run", "Runs.", {"type": "object", "properties": {}}), Tool("stop", None, None))
    reply = ask(upstream, *asked, tools=tools, tool_choice=ToolChoice("required"))
    assert (reply.text, reply.finish) == ("Well.", "tool_calls")
    assert reply.tool_calls == (ToolCall("c2", "run", '{"command": "ls"}'),)
    body = upstream.bodies[0]
    assert body["messages"] == [
        {"role": "user", "content": "Look."},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "c0", "name": "run", "input": {"command": "a"}},
                {"type": "tool_use", "id": "c1", "name": "run", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c0", "content": [text("a file")]},
                {"type": "tool_result", "tool_use_id": "c1", "content": [], "is_error": True},
                text("And?"),
            ],
        },
    ]
    assert body["tools"] == [
        {"name": "run", "description": "Runs.", "input_schema": {"type": "object", "properties": {}}},
        {"name": "stop", "input_schema": {"type": "object"}},
    ]
    assert body["tool_choice"] == {"type": "any"}


@pytest.mark.parametrize(
    ("stop", "finish", "refused"),
    [("max_tokens", "length", False), ("stop_sequence", "stop", False), ("refusal", "stop", True)],
)
def test_why_it_stopped_keeps_its_meaning(upstream: Any, stop: str, finish: str, refused: bool) -> None:
    upstream.told = [message(text("x"), stop=stop)]
    reply = ask(upstream)
    assert (reply.finish, reply.refused) == (finish, refused)


def test_tokens_read_from_a_cache_were_read(upstream: Any) -> None:
    usage = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 100,
        "output_tokens": 2,
    }
    upstream.told = [message(text("x"), usage=usage)]
    assert ask(upstream).tokens_in == 123
    upstream.told = [message(text("x"), usage=None)]
    reply = ask(upstream)
    assert (reply.tokens_in, reply.tokens_out) == (None, None)


@pytest.mark.parametrize(
    ("bad", "failure"),
    [
        ((529, b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}', {}), "answered 529"),
        ((429, b"{}", {"Retry-After": "0"}), "answered 429"),
        ((200, b'{"type": "message", "content": "x"}', {}), "answered garbage: no message"),
        ((200, b'{"choices": []}', {}), "answered garbage: no message"),
        (message({"type": "tool_use", "id": "c", "name": "run"}), "answered garbage: a tool use without input"),
        (message({"type": "image"}), "answered garbage: a block that is neither text nor a tool use"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal", "no whole answer (ClientPayloadError)"),
    ],
)  # fmt: skip
def test_a_fault_of_the_server_is_borne_and_noted(upstream: Any, bad: Any, failure: str) -> None:
    upstream.told = [bad, message(text("at last"))]
    reply = ask(upstream)
    assert (reply.text, reply.notes["failures"]) == ("at last", [failure])


def test_a_conversation_longer_than_the_context_is_the_agents(upstream: Any, fail: Any) -> None:
    upstream.told = [fail(400, "prompt is too long: 208310 tokens > 200000 maximum")]
    with pytest.raises(ModelRefusal) as caught:
        ask(upstream)
    assert caught.value.reason == "context_overflow"


def test_the_key_goes_into_this_api_s_header_and_comes_back_in_no_text(
    upstream: Any, fail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_KEY", KEY)
    model = open_served("anthropic", {"base_url": upstream.base_url, "model": "m", "api_key_env": "OWN_KEY"})
    upstream.told = [message(text(f"your key is {KEY}"))]
    reply = asyncio.run(model.complete(ChatRequest(HI, SAMPLING)))
    assert reply.text == "your key is [key]"
    assert upstream.seen[0][2]["x-api-key"] == KEY
    assert upstream.seen[0][1] == "/v1/messages"
    upstream.told = [fail(401, f"invalid x-api-key {KEY}")]
    with pytest.raises(ModelFault, match=r"^answered 401 \(try 1\)$"):
        asyncio.run(model.complete(ChatRequest(HI, SAMPLING)))


def test_the_address_may_be_written_as_its_own_clients_or_as_others_write_it() -> None:
    written = ("http://host", "http://host/", "http://host/v1", "http://host/v1/")
    assert {endpoint_of("anthropic", {"base_url": one}).base_url for one in written} == {"http://host/v1"}


def test_a_model_of_that_name_elsewhere_is_another_one() -> None:
    binding = {"base_url": "http://host", "model": "m"}
    anthropic, openai = open_served("anthropic", binding), open_served("openai", binding)
    assert anthropic.digest != openai.digest
    assert (anthropic.tools, openai.tools) == (frozenset({"anthropic"}), frozenset({"openai"}))
    assert isinstance(anthropic, ServedModel)
