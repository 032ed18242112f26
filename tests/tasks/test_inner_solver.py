"""The weak inner solver of L0: the same for the same salt, priced, bounded, and strict about requests."""

import json
from typing import Any

import pytest

from sandbox.service import ServiceReply, ServiceRequest
from tasks.inner.weak import STYLES, WeakSolver
from tasks.inner.weak_service import InnerService

ANSWERS = {f"{a} times 7 plus 3": a * 7 + 3 for a in range(10, 110)}
SOLVER = WeakSolver(b"a salt", "check", ANSWERS)
QUESTION = "10 times 7 plus 3"


def ask(
    service: InnerService, events: list[tuple[str, dict[str, Any]]] | None = None, **body: Any
) -> ServiceReply:
    asked = {"split": "development", "style": "plain", "samples": 1, "questions": [QUESTION], **body}
    recorded = [] if events is None else events
    request = ServiceRequest("POST", "answer", json.dumps(asked).encode())
    return service.handle(request, lambda kind, data: recorded.append((kind, data)))


def service(allowance: int = 20) -> InnerService:
    return InnerService({"development": SOLVER}, {"development": allowance})


def test_same_salt_gives_the_same_answers_and_another_salt_gives_others() -> None:
    def answers(salt: bytes) -> list[str]:
        solver = WeakSolver(salt, "check", ANSWERS)
        return [solver.sample(q, "plain", 0) for q in ANSWERS]

    assert answers(b"a salt") == answers(b"a salt") == [SOLVER.sample(q, "plain", 0) for q in ANSWERS]
    assert answers(b"a salt") != answers(b"another salt")


def test_known_answers_are_pinned() -> None:
    assert [SOLVER.sample(QUESTION, "check", i) for i in range(6)] == ["80", "68", "73", "73", "73", "74"]
    assert [SOLVER.voted(QUESTION, style, 15) for style in STYLES] == ["72", "67", "73", "73", "66", "75"]


def test_voting_reaches_what_a_style_understands_and_no_more() -> None:
    assert SOLVER.accuracy("check", 15) == 0.88
    assert SOLVER.accuracy("plain", 15) == pytest.approx(0.40, abs=0.01)
    assert all(SOLVER.accuracy(style, 15) <= 0.27 for style in STYLES if style not in ("plain", "check"))
    assert SOLVER.accuracy("check", 1) < 0.6


def test_a_misunderstood_question_is_always_answered_the_same_wrong_way() -> None:
    wrong = [q for q in ANSWERS if SOLVER.voted(q, "brief", 15) != str(ANSWERS[q])]
    stubborn = [q for q in wrong if len({SOLVER.sample(q, "brief", i) for i in range(20)}) == 1]
    assert len(stubborn) == 74


def test_a_request_is_answered_in_order_and_charged_by_the_sample() -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    questions = list(ANSWERS)[:3]
    reply = ask(service(), events, style="check", samples=4, questions=questions)
    assert reply.status == 200
    assert reply.value == {
        "answers": [[SOLVER.sample(q, "check", i) for i in range(4)] for q in questions],
        "calls": 12,
    }
    assert events == [("inner.call", {
        "split": "development", "style": "check", "questions": 3, "samples": 4, "calls": 12, "refused": None,
    })]  # fmt: skip


def test_a_question_allows_its_calls_and_not_one_more() -> None:
    counted = service(allowance=20)
    assert ask(counted, samples=15).status == 200
    assert ask(counted, samples=6).status == 429
    assert ask(counted, samples=5).status == 200
    assert ask(counted, samples=1).value["error"]["code"] == "calls_exhausted"
    assert ask(counted, questions=["11 times 7 plus 3"], samples=20).status == 200


def test_the_same_question_twice_in_one_request_is_charged_twice() -> None:
    assert ask(service(allowance=20), samples=11, questions=[QUESTION, QUESTION]).status == 429


def test_a_refused_request_is_not_charged() -> None:
    counted = service(allowance=20)
    ask(counted, samples=15)
    ask(counted, samples=6, questions=[QUESTION, "11 times 7 plus 3"])
    assert ask(counted, samples=20, questions=["11 times 7 plus 3"]).status == 200


def test_refilling_grants_the_calls_anew() -> None:
    counted = service(allowance=20)
    ask(counted, samples=20)
    counted.refill()
    assert ask(counted, samples=20).status == 200


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"split": "heldout"}, 404, "unknown_split"),
        ({"style": "magic"}, 400, "unknown_style"),
        ({"questions": ["1 plus 1"]}, 404, "unknown_question"),
        ({"samples": 0}, 400, "samples_are_1_to_20"),
        ({"samples": 21}, 400, "samples_are_1_to_20"),
        ({"samples": True}, 400, "samples_are_1_to_20"),
        ({"samples": 1.0}, 400, "samples_are_1_to_20"),
        ({"questions": "12"}, 400, "questions_are_a_list_of_texts"),
        ({"questions": [1]}, 400, "questions_are_a_list_of_texts"),
        ({"style": ["plain"]}, 400, "split_and_style_are_texts"),
        ({"salt": "x"}, 400, "needs_split_style_samples_questions"),
    ],
)
def test_a_request_that_is_not_exactly_right_is_refused_with_its_reason(
    body: dict[str, Any], status: int, reason: str
) -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    reply = ask(service(), events, **body)
    assert (reply.status, reply.value["error"]["code"]) == (status, reason)
    assert events[0][1]["refused"] == reason
    assert events[0][1]["calls"] == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, b"{" + b" " * 300_000])
def test_hostile_bytes_are_refused_and_never_raise(body: bytes) -> None:
    reply = service().handle(ServiceRequest("POST", "answer", body), lambda kind, data: None)
    assert reply.status in (400, 413)


def test_only_one_address_and_method_exist() -> None:
    for method, path in (("GET", "answer"), ("POST", "salt"), ("POST", "")):
        reply = service().handle(ServiceRequest(method, path, b"{}"), lambda kind, data: None)
        assert reply.status == 404
