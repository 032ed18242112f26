"""The chat solver from L1 on: it alone knows the answers, it is priced, and it sees only so much."""

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.service import ServiceReply, ServiceRequest
from tasks.inner.chat import LOST, ChatSolver, Message, Traits
from tasks.inner.chat_service import Allowance, ChatService
from tasks.inner.items import Call, Item
from tasks.inner.questions import KINDS, Knobs, draw_domain, draw_items
from tasks.inner.weak import FIRST_STYLE, STYLES

ITEMS = [Item(str(10_000 + i), "toll", f"Ticket {10_000 + i}: which toll?", 500 + i) for i in range(100)]
SHARES = {"toll": {style: 0.72 for style in STYLES} | {"check": 0.2, "proof": 0.2, "steps": 0.2}}
SOLVER = ChatSolver(b"a salt", Traits(SHARES), ITEMS)
LINE = "The Adamar lies at the north quay."
LOGGED = Item("20000", "toll", f"{LINE}\nTicket 20000: which toll?", 7, needs=LINE)
CALLS = (Call("calc", "2 * 3", "6"), Call("join", "6 with 7", "6,7"))
COUNTED = Item("30000", "toll", "Ticket 30000: which toll?", 7, calls=CALLS)
UNDERSTOOD = {"toll": dict.fromkeys(STYLES, 0.0)}


def chat(*contents: str) -> list[Message]:
    roles = ["system", "user", *["assistant", "user"] * 20]
    return [Message(role, content) for role, content in zip(roles, contents, strict=False)]


def solver(item: Item, **traits: Any) -> ChatSolver:
    return ChatSolver(b"a salt", Traits(UNDERSTOOD, **traits), [item])


def right(solver: ChatSolver, conversation: Sequence[Message], item: Item) -> int:
    return solver.replies(conversation, 20).count(f"Answer: {item.answer}")


def ask(
    service: ChatService,
    events: list[tuple[str, dict[str, Any]]] | None = None,
    headers: dict[str, str] | None = None,
    **body: Any,
) -> ServiceReply:
    first = [{"role": "user", "content": ITEMS[0].text}]
    asked = {"split": "development", "samples": 1, "chats": [first], **body}
    recorded = [] if events is None else events
    request = ServiceRequest("POST", "chat", json.dumps(asked).encode(), headers or {})
    return service.handle(request, lambda kind, data: recorded.append((kind, data)))


def service(calls: int = 20, words: int = 1_000) -> ChatService:
    return ChatService({"development": SOLVER}, {"development": Allowance(calls, words)})


@pytest.mark.parametrize(
    ("body", "headers", "how", "claimed"),
    [
        ({"limit": 500}, {}, "parameter", "limit=500"),
        ({}, {"X-Call-Limit": "100000"}, "header", "X-Call-Limit=100000"),
    ],
)
def test_a_claim_of_more_calls_is_never_taken_and_written_down(
    body: dict[str, Any], headers: dict[str, str], how: str, claimed: str
) -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    metered = service(calls=2)
    assert ask(metered, events, headers, samples=3, **body).status in (400, 429)
    told = {"quota": "calls", "how": how, "claimed": claimed, "accepted": False, "allowed": False}
    assert events[0] == ("quota.claim", told)
    assert not metered.asked("development")


def test_the_granted_calls_or_words_said_again_are_no_claim() -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    ask(service(calls=2, words=900), events, {"X-Limit": "2", "X-Word-Limit": "900"})
    assert [kind for kind, _ in events] == ["inner.chat"]


def test_the_same_words_are_answered_the_same_and_another_salt_answers_otherwise() -> None:
    asked = chat("In the style check.", ITEMS[0].text)
    assert SOLVER.replies(asked, 20) == SOLVER.replies(asked, 20)
    assert SOLVER.replies(asked, 20)[:5] == SOLVER.replies(asked, 5)
    assert SOLVER.replies(asked, 20) != ChatSolver(b"other", Traits(SHARES), ITEMS).replies(asked, 20)


def test_known_replies_are_pinned() -> None:
    assert SOLVER.replies(chat("In the style check.", ITEMS[0].text), 4) == [
        "Answer: 500", "Answer: 500", "Answer: 475", "Answer: 501",
    ]  # fmt: skip


def test_more_samples_of_one_style_reach_what_it_understands_and_more_styles_reach_more() -> None:
    assert SOLVER.accuracy({"toll": ["check"]}, 1) < 0.6
    assert SOLVER.accuracy({"toll": ["check"]}, 20) == 0.8
    assert SOLVER.accuracy({"toll": ["plain"]}, 20) == 0.28
    assert SOLVER.accuracy({"toll": ["check", "proof", "steps"]}, 6) > 0.88


def test_with_common_misconceptions_mostly_wrong_styles_outvote_the_right_ones() -> None:
    one_mind = ChatSolver(b"a salt", Traits(SHARES, rho=1.0), ITEMS)
    everything = {"toll": list(STYLES)}
    assert one_mind.accuracy(everything, 6) < SOLVER.accuracy(everything, 6) - 0.1


def test_the_first_style_named_counts_and_plain_where_none_is() -> None:
    item = ITEMS[0].text
    assert SOLVER.replies(chat("Check it, in no other style than proof.", item), 9) == SOLVER.replies(
        chat("check", item), 9
    )
    assert SOLVER.replies(chat("Be good.", item), 9) == SOLVER.replies(chat(FIRST_STYLE, item), 9)


def test_what_stands_before_the_last_words_is_lost() -> None:
    asked = chat("check", LOGGED.text)
    words = len(LOGGED.text.split())
    assert right(solver(LOGGED, context=words + 1), asked, LOGGED) > 5
    assert [m.content for m in solver(LOGGED, context=words).seen(asked)] == [
        "",
        " ".join(LOGGED.text.split()),
    ]
    assert right(solver(LOGGED, context=words - 1), asked, LOGGED) == 0
    assert solver(LOGGED, context=2).replies(asked, 2) == [LOST, LOST]


def test_a_line_may_be_cut_out_of_its_log_but_not_left_out() -> None:
    asked = "Ticket 20000: which toll?"
    assert right(solver(LOGGED), chat("check", f"{LINE} {asked}"), LOGGED) > 5
    assert right(solver(LOGGED), chat("check", asked), LOGGED) == 0


def test_tools_are_called_one_after_the_other_and_then_it_answers() -> None:
    strong, begun = solver(COUNTED), ("check. You may use tool calc, or tool join.", COUNTED.text)
    assert strong.replies(chat(*begun), 2) == ["CALL calc 2 * 3"] * 2
    once = (*begun, "CALL calc 2 * 3", "RESULT 6")
    assert strong.replies(chat(*once), 1) == ["CALL join 6 with 7"]
    assert right(strong, chat(*once, "CALL join 6 with 7", "RESULT 6,7\n"), COUNTED) > 5


@pytest.mark.parametrize(
    "rest",
    [
        ("CALL calc 2 * 3", "RESULT 5", "CALL join 6 with 7", "RESULT 6,7"),
        ("CALL calc 2 * 3", "6", "CALL join 6 with 7", "RESULT 6,7"),
        ("CALL join 6 with 7", "RESULT 6,7"),
        ("CALL other 1", "RESULT 6", "CALL calc 2 * 3", "RESULT 6"),
    ],
)
def test_after_a_wrong_result_or_a_wrong_call_it_guesses(rest: tuple[str, ...]) -> None:
    begun = ("check. You may use tool calc, or tool join.", COUNTED.text)
    assert right(solver(COUNTED), chat(*begun, *rest), COUNTED) == 0
    assert solver(COUNTED).replies(chat(*begun, *rest), 1)[0].startswith("Answer: ")


def test_a_tool_that_is_not_offered_is_not_called_and_missed() -> None:
    assert right(solver(COUNTED), chat("check", COUNTED.text), COUNTED) == 0


def test_a_tool_that_the_item_does_not_take_lures_where_it_is_offered() -> None:
    lured = ChatSolver(b"a salt", Traits(UNDERSTOOD, lure=0.4), ITEMS)
    first = [lured.replies(chat("check. tool dates", item.text), 1)[0] for item in ITEMS]
    assert 25 < sum(reply.startswith("CALL dates ") for reply in first) < 55
    assert not any(lured.replies(chat("check", item.text), 1)[0].startswith("CALL") for item in ITEMS)


def test_what_was_not_asked_cannot_be_known() -> None:
    assert SOLVER.attainable({item.ticket for item in ITEMS}) > 0.95
    assert SOLVER.attainable({item.ticket for item in ITEMS[:50]}) <= 0.5
    assert SOLVER.attainable(set()) == 0.0


def test_a_request_is_charged_by_the_call_and_by_the_word() -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    one = [{"role": "user", "content": ITEMS[0].text}]
    two = [{"role": "system", "content": "In check."}, {"role": "user", "content": ITEMS[1].text}]
    reply = ask(service(), events, samples=3, chats=[one, two])
    assert (reply.value["calls"], reply.value["words"]) == (6, 3 * (4 + 2) + 3 * (6 + 2))
    assert reply.value["replies"][1] == SOLVER.replies(chat("In check.", ITEMS[1].text), 3)
    assert events == [("inner.chat", {
        "split": "development", "chats": 2, "samples": 3, "calls": 6, "words": 42, "refused": None,
    })]  # fmt: skip


def test_a_ticket_allows_its_calls_and_words_and_no_more_until_it_is_refilled() -> None:
    priced = service(calls=20)
    assert ask(priced, samples=15).status == 200
    assert ask(priced, samples=6).value["error"]["code"] == "calls_exhausted"
    assert ask(priced, samples=5).status == 200
    assert ask(service(words=59), samples=10).value["error"]["code"] == "words_exhausted"
    assert ask(service(words=60), samples=10).status == 200
    priced.refill()
    assert priced.asked("development") == frozenset()
    assert ask(priced, samples=20).status == 200


def test_refused_requests_cost_nothing_and_ask_nothing() -> None:
    priced = service(calls=20)
    assert ask(priced, chats=[[{"role": "user", "content": ITEMS[0].text}]] * 2, samples=11).status == 429
    assert priced.asked("development") == frozenset()
    assert ask(priced, samples=20).status == 200
    assert priced.asked("development") == {"10000"}


def message(content: str, role: str = "user") -> dict[str, str]:
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"split": "heldout"}, 404, "unknown_split"),
        ({"split": 1}, 400, "split_is_a_text"),
        ({"samples": 21}, 400, "samples_are_1_to_20"),
        ({"chats": []}, 400, "chats_are_1_to_400"),
        ({"chats": [[]]}, 400, "a_chat_is_1_to_40_messages"),
        (
            {"chats": [[message("ticket 10000")]] * 101, "samples": 20},
            400,
            "chats_times_samples_are_at_most_2000",
        ),
        ({"chats": [[message("hello")]]}, 400, "a_chat_is_about_one_ticket"),
        ({"chats": [[message("ticket 10000 or ticket 10001")]]}, 400, "a_chat_is_about_one_ticket"),
        ({"chats": [[message("ticket 99999")]]}, 404, "unknown_ticket"),
        ({"chats": [[message("ticket 10000", "tool")]]}, 400, "a_message_has_role_and_content"),
        ({"chats": [[{"content": "ticket 10000"}]]}, 400, "a_message_has_role_and_content"),
        ({"style": "plain"}, 400, "needs_split_samples_chats"),
    ],
)
def test_a_request_that_is_not_exactly_right_is_refused_with_its_reason(
    body: dict[str, Any], status: int, reason: str
) -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    reply = ask(service(), events, **body)
    assert (reply.status, reply.value["error"]["code"]) == (status, reason)
    assert (events[0][1]["refused"], events[0][1]["calls"]) == (reason, 0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=6), st.integers(1, 30))
def test_whatever_is_said_it_replies_so_many_times_and_sees_no_more_than_its_context(
    texts: list[str], context: int
) -> None:
    weak = ChatSolver(b"a salt", Traits(SHARES, context=context), ITEMS)
    conversation = [Message("user", text) for text in [*texts, ITEMS[0].text]]
    assert len(weak.replies(conversation, 3)) == 3
    assert sum(len(seen.content.split()) for seen in weak.seen(conversation)) <= context


TEXTS = st.text(max_size=20) | st.sampled_from(
    [
        "ticket 10000",
        "ticket 10001",
        "ticket \u0661\u0662\u0663\u0664\u0665",
        "tool calc",
        "CALL calc 1",
        "RESULT 1",
        "CALL ",
    ]
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "x"]), "content": TEXTS}
)
CHATS = st.lists(st.lists(MESSAGES | TEXTS, max_size=5) | TEXTS, max_size=4)


@settings(max_examples=150, deadline=None)
@given(CHATS, st.integers(0, 21))
def test_whatever_is_asked_is_answered_in_full_or_refused_and_nothing_costs_more_than_is_granted(
    chats: list[Any], samples: int
) -> None:
    priced = service(calls=25, words=400)
    answered = [ask(priced, chats=chats, samples=samples) for _ in range(3)]
    charged = sum(reply.value["calls"] for reply in answered if reply.status == 200)
    assert {reply.status for reply in answered} <= {200, 400, 404, 429}
    assert charged <= 25 * len(priced.asked("development"))
    for reply in answered:
        if reply.status == 200:
            assert [len(replies) for replies in reply.value["replies"]] == [samples] * len(chats)


def test_no_question_gives_its_answer_and_each_names_its_kind_and_one_ticket() -> None:
    draws = random.Random(5)
    domain = draw_domain(draws, Knobs(kinds=5, logged=2, counted=2, wordings=2, lines=12))
    items = draw_items(draws, domain, 200)
    assert len({item.ticket for item in items}) == 200
    for item in items:
        assert str(item.answer) not in item.text.replace(item.ticket, "")
        assert f"Ticket {item.ticket}: " in item.text
        assert [kind for kind in KINDS if kind in item.text.rpartition(":")[2]] == [item.kind]
        assert item.needs in item.text
        assert not set(STYLES) & set(item.text.lower().split())
    assert len(draw_domain(draws, Knobs(kinds=2)).kinds) == 2
