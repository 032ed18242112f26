"""Budgets, the hold, faults and services of a real door."""

import asyncio
import json
import threading

import pytest

from sandbox.canonical import digest
from sandbox.door.door import Door
from sandbox.errors import BoxDied, HostFault, ModelFault, StorageFault
from sandbox.service import ServiceReply


def test_turns_run_out_with_the_call_after_the_last(doorway):
    with doorway("ok", turns=2) as door:
        assert [door.chat()[0] for _ in range(2)] == [200, 200]
        assert not door.budget.exhausted.is_set()
        status, headers, body = door.chat()
        assert door.chat()[0] == 429
        assert door.budget.exhausted.is_set()
        assert door.events("limit") == [{"limit": "turns", "granted": 2, "used": 2}]
        assert len(door.model.asked) == 2
    assert (status, headers["x-should-retry"]) == (429, "false")
    assert json.loads(body)["error"] == {
        "message": "the granted model budget is used up",
        "type": "budget_exhausted",
        "param": None,
        "code": "budget_exhausted",
    }


def test_an_exhausted_budget_has_the_messages_api_s_form_too(doorway):
    with doorway("ok", turns=0) as door:
        status, _, body = door.post("/v1/messages", {"messages": [{"role": "user", "content": "Hi"}]})
    assert status == 429
    assert json.loads(body)["error"]["type"] == "budget_exhausted"


def test_a_call_that_overruns_the_tokens_is_answered_and_then_the_budget_is_gone(doorway):
    with doorway("ok", model_tokens=20) as door:
        assert [door.chat()[0], door.chat()[0]] == [200, 200]
        assert (door.budget.ran_out.limit, door.budget.ran_out.used) == ("model_tokens", 30)
        assert not door.budget.exhausted.is_set()
        assert door.chat()[0] == 429
        assert door.budget.exhausted.is_set()
        assert door.events("limit") == [{"limit": "model_tokens", "granted": 20, "used": 30}]


def test_tokens_used_up_exactly_run_out_only_when_more_is_asked_for(doorway):
    with doorway("ok", model_tokens=15) as door:
        assert door.chat()[0] == 200
        assert door.budget.ran_out is None
        assert door.chat()[0] == 429
        assert door.events("limit") == [{"limit": "model_tokens", "granted": 15, "used": 15}]


def test_a_request_that_is_refused_costs_no_turn(doorway):
    with doorway("ok", turns=1) as door:
        assert door.post("/v1/chat/completions", {"messages": []})[0] == 400
        assert door.chat()[0] == 200


def test_each_call_is_recorded_with_its_reply(doorway):
    with doorway("there") as door:
        door.chat("hello")
        calls, replies = door.events("model.call"), door.events("model.reply")
    assert calls == [
        {"turn": 1, "api": "chat.completions", "model": "model", "messages": 1, "last": "hello",
         "digest": digest([["user", "hello"]]), "stream": False, "tools": []}
    ]  # fmt: skip
    assert replies[0].pop("ms") >= 0
    assert replies == [
        {"turn": 1, "text": "there", "tokens_in": 10, "tokens_out": 5, "finish": "stop", "refused": False,
         "calls": [], "notes": {}}
    ]  # fmt: skip


def test_a_call_is_held_after_it_is_recorded_and_before_the_model_is_asked(doorway):
    seen = []

    async def hold(_):
        seen.append((door.kinds(), len(door.model.asked)))

    with doorway("ok", hold=hold) as door:
        assert door.chat()[0] == 200
    assert seen == [(["model.call"], 0)]


def test_calls_are_answered_one_at_a_time_and_a_long_queue_is_refused(doorway):
    at_once, most = 0, 0
    release = threading.Event()

    async def before():
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        while not release.is_set():
            await asyncio.sleep(0.005)
        at_once -= 1

    with doorway("ok", before=before) as door:
        results = []
        threads = [threading.Thread(target=lambda: results.append(door.chat()[0])) for _ in range(12)]
        for thread in threads:
            thread.start()
        door.until(lambda: len(results) == 3)
        assert results == [429, 429, 429]
        release.set()
        for thread in threads:
            thread.join()
        assert sorted(results) == [200] * 9 + [429] * 3
        assert {refused["reason"] for refused in door.events("model.refused")} == {"busy"}
    assert most == 1


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (ModelFault("upstream answered 500"), "upstream answered 500"),
        (RuntimeError("key=secret"), "the provider raised RuntimeError"),
    ],
)
def test_a_model_fault_is_kept_and_answered_503_from_then_on(doorway, raised, reason):
    async def before():
        raise raised

    with doorway("ok", before=before) as door:
        status, headers, body = door.chat()
        assert door.chat()[0] == 503
        assert door.door.faulted.is_set()
        assert isinstance(door.door.fault, ModelFault)
        assert str(door.door.fault) == reason
        assert len(door.model.asked) == 1
        assert door.kinds() == ["model.call", "model.fault", "model.refused", "model.refused"]
        assert door.events("model.fault") == [{"reason": reason}]
    assert (status, headers["x-should-retry"]) == (503, "false")
    assert json.loads(body)["error"]["type"] == "server_error"


def test_calls_that_wait_when_the_model_fails_are_not_passed_on(doorway):
    release = threading.Event()

    async def before():
        while not release.is_set():
            await asyncio.sleep(0.005)
        raise ModelFault("gone")

    with doorway("ok", before=before) as door:
        results = []
        threads = [threading.Thread(target=lambda: results.append(door.chat()[0])) for _ in range(4)]
        for thread in threads:
            thread.start()
        door.until(lambda: door.door._gateway._waiting == 4)
        release.set()
        for thread in threads:
            thread.join()
        assert results == [503] * 4
        assert len(door.model.asked) == 1


def test_a_log_that_cannot_be_written_is_the_episode_s_to_see_and_the_server_lives(doorway):
    def record(source, kind, data):
        raise StorageFault("no space left")

    with doorway("ok", record=record) as door:
        assert [door.chat()[0], door.chat()[0]] == [503, 503]
        assert door.exchange(b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        assert isinstance(door.door.fault, StorageFault)
        assert door.model.asked == []


def test_a_box_that_dies_during_the_hold_is_kept_as_what_it_is(doorway):
    async def hold(_):
        raise BoxDied("the box is gone")

    with doorway("ok", hold=hold) as door:
        assert door.chat()[0] == 503
        assert isinstance(door.door.fault, BoxDied)
        assert door.model.asked == []


class Counter:
    """A service that counts the requests it is given."""

    prefix = "/count/"

    def __init__(self):
        self.seen = []

    def handle(self, request, emit):
        self.seen.append((request.method, request.path, request.body))
        emit("inner.call", {"calls": len(self.seen)})
        return ServiceReply(201 if request.body else 200, {"count": len(self.seen)})


def test_a_service_answers_json_under_its_prefix_and_writes_its_own_events(doorway):
    counter = Counter()
    with doorway(None, services=(counter,)) as door:
        assert door.request("GET", "/count/a/b?c=1")[::2] == (200, b'{"count":1}')
        assert door.post_raw("/count/", b"\xff")[::2] == (201, b'{"count":2}')
        assert door.request("GET", "/count")[0] == 404
        assert door.events("inner.call") == [{"calls": 1}, {"calls": 2}]
    assert counter.seen == [("GET", "a/b?c=1", b""), ("POST", "", b"\xff")]


def test_a_service_that_raises_is_a_fault_of_the_host(doorway):
    class Broken(Counter):
        def handle(self, request, emit):
            raise ZeroDivisionError

    with doorway(None, services=(Broken(),)) as door:
        assert door.request("GET", "/count/")[0] == 503
        assert isinstance(door.door.fault, ZeroDivisionError)


def test_a_call_at_hand_is_cancelled_when_the_door_closes_and_the_socket_is_gone(doorway):
    cancelled = threading.Event()

    async def before():
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    with doorway("ok", before=before) as door:
        client = door.client()
        client.request("POST", "/v1/chat/completions", b'{"messages": [{"role": "user", "content": "x"}]}')
        door.until(lambda: door.model.asked)
    assert cancelled.wait(60)
    assert not door.path.exists()


def test_the_socket_is_open_to_any_user_who_reaches_its_directory(doorway):
    with doorway("ok") as door:
        assert door.path.stat().st_mode & 0o777 == 0o666


def test_a_socket_that_cannot_be_bound_is_a_fault_of_the_host(doorway, tmp_path):
    with doorway("ok") as door:
        elsewhere = Door(tmp_path / "missing" / "s", None, (), door.budget, print)
        with pytest.raises(HostFault):
            door.run(elsewhere.__aenter__())
