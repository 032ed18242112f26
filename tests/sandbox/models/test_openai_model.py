"""A served model answers through everything that a real server does on a bad day."""

import asyncio
import socket
import time
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest

from sandbox.errors import ModelFault, ModelRefusal
from sandbox.models.base import ChatReply, ChatRequest, HostWait, Message, Tool, ToolCall, ToolChoice
from sandbox.models.endpoint import Endpoint
from sandbox.models.served import Patience, ServedModel

SWIFT = Patience(tries=3, answer=10.0, first=0.01, longest=1.0, jitter=lambda: 1.0)
HI = (Message("system", "Be brief."), Message("user", "Hi"))


def ask(
    upstream: Any,
    request: ChatRequest | None = None,
    *,
    patience: Patience = SWIFT,
    variable: str | None = None,
) -> ChatReply:
    model = ServedModel(Endpoint(upstream.base_url), "run7", patience)
    return asyncio.run(model.complete(request or ChatRequest(HI)))


def test_a_request_carries_model_conversation_and_the_experiments_sampling(upstream: Any) -> None:
    reply = ask(upstream, ChatRequest(HI, {"temperature": 0.5, "max_tokens": 64}))
    _, path, headers, body = upstream.seen[0]
    assert body == {
        "model": "run7",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "temperature": 0.5,
        "max_tokens": 64,
    }
    assert (path, "authorization" in headers) == ("/v1/chat/completions", False)
    assert (reply.text, reply.tokens_in, reply.tokens_out, reply.finish) == ("hello", 7, 2, "stop")
    assert dict(reply.notes, waited_ms=0) == {"served": "served-name", "failures": [], "waited_ms": 0}


def test_tools_go_up_and_their_calls_come_down(upstream: Any, say: Any) -> None:
    function = {"name": "run", "arguments": '{"command": "ls"}'}
    told = {"tool_calls": [{"id": "c1", "type": "function", "function": function}]}
    upstream.told = [say(None, message=told, finish="tool_calls")]
    asked = (
        *HI,
        Message("assistant", "", (ToolCall("c0", "run", "{}"),)),
        Message("tool", "a file", tool_call_id="c0"),
    )
    tools = (Tool("run", "Runs a command.", {"type": "object"}), Tool("stop", None, None))
    reply = ask(upstream, ChatRequest(asked, {}, tools, ToolChoice("tool", "run")))
    assert (reply.text, reply.finish) == ("", "tool_calls")
    assert reply.tool_calls == (ToolCall("c1", "run", '{"command": "ls"}'),)
    body = upstream.bodies[0]
    assert body["messages"][2:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c0", "type": "function", "function": {"name": "run", "arguments": "{}"}}],
        },
        {"role": "tool", "content": "a file", "tool_call_id": "c0"},
    ]
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "run", "description": "Runs a command.", "parameters": {"type": "object"}},
        },
        {"type": "function", "function": {"name": "stop"}},
    ]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "run"}}


@pytest.mark.parametrize(
    ("bad", "failure"),
    [
        ((500, b"oops", {}), "answered 500"),
        ((503, b"", {}), "answered 503"),
        ((429, b"{}", {}), "answered 429"),
        ((408, b"", {}), "answered 408"),
        ((200, b"<html>", {}), "answered garbage: no JSON"),
        ((200, b"\xff\xfe", {}), "answered garbage: no JSON"),
        ((200, b"[" * 100_000, {}), "answered garbage: no JSON"),
        ((200, b'{"choices": []}', {}), "answered garbage: no chat completion"),
        ((200, b'{"error": {"message": "busy"}}', {}), "answered garbage: no chat completion"),
        ((200, b'{"choices": [{"message": {"content": 7}}]}', {}), "answered garbage: a content that is no text"),
        ((200, b'{"choices": [{"mess', {"Content-Length": "900"}), "no whole answer (ClientPayloadError)"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal", "no whole answer (ClientPayloadError)"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no whole answer (ClientResponseError)"),
        (b"", "no whole answer (ServerDisconnectedError)"),
    ],
)  # fmt: skip
def test_a_fault_of_the_server_is_borne_and_noted(upstream: Any, say: Any, bad: Any, failure: str) -> None:
    upstream.told = [bad, say("at last")]
    reply = ask(upstream)
    assert (reply.text, reply.notes["failures"], len(upstream.seen)) == ("at last", [failure], 2)


def test_an_answer_that_takes_too_long_is_asked_for_again(upstream: Any, say: Any) -> None:
    upstream.told = [3.0, say("late"), say("in time")]
    reply = ask(upstream, patience=replace(SWIFT, answer=1.0, tries=20))
    # Once, or oftener where the machine itself takes so long.
    assert (reply.text, set(reply.notes["failures"])) == ("in time", {"no whole answer in 1 s"})


def test_an_answer_without_an_end_is_bounded(upstream: Any) -> None:
    upstream.told = [(200, b" " * (8 * 2**20 + 1), {})]
    with pytest.raises(ModelFault, match="an answer of more than 8388608 bytes"):
        ask(upstream, patience=Patience(tries=1, answer=10))


def test_a_server_that_never_recovers_is_a_fault_of_the_host(upstream: Any, fail: Any) -> None:
    upstream.told = [fail(502)]
    with pytest.raises(ModelFault) as caught:
        ask(upstream)
    assert (str(caught.value), len(upstream.seen)) == ("answered 502 (try 3)", 3)


def test_a_server_that_only_this_conversation_breaks_is_the_agents_doing(
    upstream: Any, say: Any, fail: Any
) -> None:
    upstream.told = [*[fail(500, "invalid grammar")] * 3, say("Hi"), fail(500, "invalid grammar")]
    wait = HostWait()
    with pytest.raises(ModelRefusal) as caught:
        ask(upstream, ChatRequest(HI, wait=wait))
    assert (caught.value.reason, caught.value.detail) == ("rejected_by_model", "t invalid grammar")
    # Nor does it turn the end of its time into a fault of the host.
    assert wait.seconds == pytest.approx(0.0)
    assert [len(body["messages"]) for body in upstream.bodies] == [2, 2, 2, 1, 2]


def test_a_server_that_breaks_on_anything_is_a_fault_of_the_host(upstream: Any, say: Any, fail: Any) -> None:
    upstream.told = [fail(500)]
    with pytest.raises(ModelFault, match=r"answered 500 \(try 3\)"):
        ask(upstream)
    upstream.told = [fail(500), fail(503), fail(500), say("Hi"), fail(500)]
    with pytest.raises(ModelFault, match=r"answered 500 \(try 3\)"):
        ask(upstream)


def test_a_server_that_recovers_with_the_last_look_is_heard(upstream: Any, say: Any, fail: Any) -> None:
    upstream.told = [*[fail(500)] * 3, say("Hi"), say("at last")]
    assert ask(upstream).text == "at last"


def test_a_server_that_is_not_there_is_a_fault_of_the_host(upstream: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    upstream.base_url = f"http://127.0.0.1:{port}/v1"
    with pytest.raises(ModelFault, match=r"no whole answer \(ClientConnectorError\) \(try 3\)"):
        ask(upstream)


@pytest.mark.parametrize("status", [302, 401, 403, 404, 405])
def test_what_no_repetition_can_mend_is_asked_once(upstream: Any, fail: Any, status: int) -> None:
    upstream.told = [fail(status, Location="http://127.0.0.1:1/")]
    with pytest.raises(ModelFault, match=rf"answered {status} \(try 1\)"):
        ask(upstream)
    assert len(upstream.seen) == 1


def test_retry_after_is_honoured_and_bounded(upstream: Any, say: Any, fail: Any) -> None:
    patience = Patience(tries=3, answer=5, first=0.01, longest=0.5, jitter=lambda: 1.0)
    headers = {"Retry-After": "0.3"}
    upstream.told = [fail(429, **headers), fail(429, **{"Retry-After": "3600"}), say("ok")]
    reply = ask(upstream, patience=patience)
    times = [seen[0] for seen in upstream.seen]
    assert times[1] - times[0] >= 0.3
    assert 0.5 <= times[2] - times[1] < 60
    assert reply.notes["waited_ms"] >= 790


def test_retry_after_may_be_a_date_and_nonsense_is_passed_over(upstream: Any, say: Any, fail: Any) -> None:
    past = formatdate(time.time() - 60, usegmt=True)
    upstream.told = [fail(429, **{"Retry-After": past}), fail(429, **{"Retry-After": "soon"}), say("ok")]
    assert ask(upstream).text == "ok"


def test_a_rate_limit_pauses_every_episode_at_that_endpoint(upstream: Any, say: Any, fail: Any) -> None:
    upstream.told = [fail(429, **{"Retry-After": "0.4"}), say("ok")]
    endpoint = Endpoint(upstream.base_url)

    async def both() -> None:
        first = asyncio.create_task(ServedModel(endpoint, "m", SWIFT).complete(ChatRequest(HI)))
        # Until the first waits for the end of the pause.
        while not upstream.seen or endpoint.limiter()._alarm is None:
            await asyncio.sleep(0.01)
        await ServedModel(endpoint, "m", SWIFT).complete(ChatRequest(HI))
        await first

    asyncio.run(both())
    times = [seen[0] for seen in upstream.seen]
    assert len(times) == 3
    assert min(times[1:]) - times[0] >= 0.4


def test_pauses_double_up_to_a_bound_and_scatter() -> None:
    steady = Patience(first=0.5, longest=3.0, jitter=lambda: 1.0)
    assert [steady.pause(failures) for failures in (1, 2, 3, 4, 5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert Patience(first=0.5, jitter=lambda: 0.0).pause(2) == 0.5


OVERFLOWS = [
    (400, "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens."),
    (400, "You passed 25 input tokens. However, the model's context length is only 24 tokens."),
    (400, "the request exceeds the available context size, try increasing it"),
    (500, "Context size has been exceeded."),
    (200, "the request exceeds the available context size."),
]


@pytest.mark.parametrize(("status", "message"), OVERFLOWS)
def test_a_conversation_longer_than_the_context_is_the_agents(
    upstream: Any, fail: Any, status: int, message: str
) -> None:
    upstream.told = [fail(status, message)]
    with pytest.raises(ModelRefusal) as caught:
        ask(upstream)
    assert caught.value.reason == "context_overflow"
    assert caught.value.message == "the conversation is longer than the model can read"
    assert caught.value.detail == f"t {message}"
    assert len(upstream.seen) == 1


def test_a_rejected_conversation_is_the_agents_if_the_same_settings_work_on_one_word(
    upstream: Any, say: Any, fail: Any
) -> None:
    upstream.told = [fail(400, "roles must alternate"), say("Hi")]
    with pytest.raises(ModelRefusal) as caught:
        ask(upstream, ChatRequest(HI, {"temperature": 2.0}))
    assert (caught.value.reason, caught.value.detail) == ("rejected_by_model", "t roles must alternate")
    assert upstream.bodies[1] == {
        "model": "run7",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 2.0,
        "max_tokens": 1,
    }


def test_a_rejected_setting_is_the_experiments(upstream: Any, fail: Any) -> None:
    upstream.told = [fail(400, "temperature must be at most 1")]
    with pytest.raises(
        ModelFault, match="answered 400 to the config's model or sampling: t temperature must"
    ):
        ask(upstream, ChatRequest(HI, {"temperature": 2.0}))
    assert len(upstream.seen) == 2


def test_tokens_that_the_server_does_not_count_are_unknown(upstream: Any, say: Any) -> None:
    for usage in (None, {}, {"prompt_tokens": -1, "completion_tokens": "2"}):
        upstream.told = [say(usage=usage)]
        reply = ask(upstream)
        assert (reply.tokens_in, reply.tokens_out) == (None, None)


def test_a_refusal_is_told_as_one(upstream: Any, say: Any) -> None:
    upstream.told = [say(None, message={"refusal": "I cannot."})]
    reply = ask(upstream)
    assert (reply.text, reply.refused) == ("I cannot.", True)
    upstream.told = [say("", finish="content_filter")]
    assert ask(upstream).refused


def test_a_tool_call_without_an_id_gets_one_and_arguments_become_text(upstream: Any, say: Any) -> None:
    calls = [{"function": {"name": "run", "arguments": {"a": 1}}}, {"id": "", "function": {"name": "stop"}}]
    upstream.told = [say(None, message={"tool_calls": calls})]
    reply = ask(upstream)
    assert reply.tool_calls == (ToolCall("call_0", "run", '{"a": 1}'), ToolCall("call_1", "stop", "{}"))
    assert reply.finish == "tool_calls"
