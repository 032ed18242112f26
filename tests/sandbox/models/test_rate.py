"""A shared rate limit is kept in every window, and shared fairly."""

import json

from hypothesis import given
from hypothesis import strategies as st

from sandbox.models.rate import WINDOW, Rate, Ticket, Turnstile


def run_through(turnstile: Turnstile, asked: list[tuple[int, int]], seconds: float) -> list[Ticket]:
    """Admits ``asked`` (client, tokens), all waiting from the start, each request taking ``seconds``."""
    for client, tokens in asked:
        turnstile.join(client, tokens)
    now, gone, inside = 0.0, [], []
    while len(gone) < len(asked):
        for ticket in [one for one in inside if (one.admitted or 0.0) + seconds <= now]:
            turnstile.leave(ticket)
            inside.remove(ticket)
        admitted = turnstile.admit(now)
        gone += admitted
        inside += admitted
        ends = [(one.admitted or 0.0) + seconds for one in inside]
        opens = turnstile.opens(now)
        later = [time for time in (*ends, *([opens] if opens is not None else [])) if time > now]
        now = min(later) if later else now
    return gone


RATES = st.builds(
    Rate,
    requests=st.none() | st.integers(1, 5),
    tokens=st.none() | st.integers(1, 50),
    concurrency=st.none() | st.integers(1, 4),
)
ASKED = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), max_size=30)


@given(RATES, ASKED, st.sampled_from([0.5, 7.0, 61.0]))
def test_no_window_holds_more_than_the_rate_and_everybody_is_served(
    rate: Rate, asked: list[tuple[int, int]], seconds: float
) -> None:
    gone = run_through(Turnstile(rate), asked, seconds)
    assert len(gone) == len(asked)
    for first in gone:
        began = first.admitted or 0.0
        window = [one for one in gone if began <= (one.admitted or 0.0) < began + WINDOW]
        assert rate.requests is None or len(window) <= rate.requests
        booked = [one.tokens for one in window if one.tokens]
        assert rate.tokens is None or sum(booked) <= rate.tokens or len(booked) == 1
        at_once = [one for one in gone if (one.admitted or 0.0) <= began < (one.admitted or 0.0) + seconds]
        assert rate.concurrency is None or len(at_once) <= rate.concurrency


@given(st.integers(1, 4), st.lists(st.integers(1, 12), min_size=2, max_size=4))
def test_nobody_is_served_twice_more_than_another_who_still_waits(requests: int, wishes: list[int]) -> None:
    asked = [(client, 0) for client, wish in enumerate(wishes) for _ in range(wish)]
    gone = run_through(Turnstile(Rate(requests=requests, concurrency=1)), asked, 0.5)
    served = [0] * len(wishes)
    for client in (int(str(ticket.client)) for ticket in gone):
        served[client] += 1
        waiting = [count for count, wish in zip(served, wishes, strict=True) if count < wish]
        assert all(served[client] - count <= 1 for count in waiting)


def test_an_episode_that_asks_often_does_not_hold_up_one_that_asks_seldom() -> None:
    turnstile = Turnstile(Rate(requests=2))
    greedy = [turnstile.join("greedy", 1) for _ in range(10)]
    assert turnstile.admit(0.0) == greedy[:2]
    modest = turnstile.join("modest", 1)
    assert turnstile.admit(59.9) == []
    assert turnstile.opens(59.9) == 60.0
    assert turnstile.admit(60.0) == [modest, greedy[2]]


@given(RATES, ASKED, st.sampled_from([0.5, 7.0, 61.0]), st.lists(st.integers(0, 10), max_size=10))
def test_a_turnstile_that_was_stored_goes_on_as_it_would_have(
    rate: Rate, asked: list[tuple[int, int]], seconds: float, pauses: list[int]
) -> None:
    one, other = Turnstile(rate), Turnstile(rate)
    now, name = 0.0, 0
    for client, tokens in asked:
        now, name = now + seconds / 4, name + 1
        one.join(client, tokens, "p", name)
        other.join(client, tokens, "p", name)
        if name in pauses:
            one.pause(now + 5)
            other.pause(now + 5)
        for stile in (one, other):
            for ticket in [
                t for t in stile.tickets if t.admitted is not None and t.admitted + seconds <= now
            ]:
                stile.leave(ticket)
        other = Turnstile.from_json(rate, json.loads(json.dumps(other.as_json())))
        assert [t.name for t in one.admit(now)] == [t.name for t in other.admit(now)]
        assert one.opens(now) == other.opens(now)


def test_what_a_process_held_that_is_no_more_is_free() -> None:
    turnstile = Turnstile(Rate(concurrency=1))
    turnstile.join("a", 1, "dead")
    assert len(turnstile.admit(0.0)) == 1
    turnstile.join("b", 1, "dead")
    waiter = turnstile.join("c", 1, "alive")
    turnstile.keep_only({"alive"})
    assert turnstile.admit(0.0) == [waiter]


def test_tokens_are_booked_as_expected_and_settled_as_measured() -> None:
    turnstile = Turnstile(Rate(tokens=100))
    first, second, third = (turnstile.join(name, 60) for name in "abc")
    assert turnstile.admit(0.0) == [first]
    turnstile.settle(first, 40)
    assert turnstile.admit(1.0) == [second]
    assert turnstile.admit(2.0) == []
    assert turnstile.admit(60.0) == []
    assert turnstile.admit(61.0) == [third]


def test_a_request_larger_than_the_whole_grant_goes_alone() -> None:
    turnstile = Turnstile(Rate(tokens=10))
    huge, small = turnstile.join("a", 500), turnstile.join("b", 1)
    assert turnstile.admit(0.0) == [huge]
    assert turnstile.admit(59.0) == []
    assert turnstile.admit(60.0) == [small]


def test_nobody_goes_during_a_pause_and_a_longer_one_is_not_shortened() -> None:
    turnstile = Turnstile(Rate())
    turnstile.pause(5.0)
    turnstile.pause(3.0)
    ticket = turnstile.join("a", 1)
    assert (turnstile.admit(4.9), turnstile.opens(4.9)) == ([], 5.0)
    assert turnstile.admit(5.0) == [ticket]
