"""A shared rate limit is kept in every window, and shared fairly."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from sandbox.models.rate import WINDOW, Rate, RateLimiter, Ticket, Turnstile


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


def test_a_waiter_that_gives_up_makes_room_for_the_next() -> None:
    async def main() -> list[str]:
        limiter = RateLimiter(Rate(concurrency=1))
        order: list[str] = []

        async def call(name: str) -> None:
            async with limiter.admitted(name, 1):
                order.append(name)
                await asyncio.sleep(0.02)

        first, second, third = (asyncio.create_task(call(name)) for name in "abc")
        await asyncio.sleep(0.005)
        second.cancel()
        await asyncio.gather(first, second, third, return_exceptions=True)
        return order

    assert asyncio.run(main()) == ["a", "c"]


def test_the_limiter_waits_by_its_clock() -> None:
    async def main() -> list[float]:
        limiter = RateLimiter(Rate())
        loop = asyncio.get_running_loop()
        limiter.pause(0.05)
        began = loop.time()
        async with limiter.admitted("a", 1):
            return [loop.time() - began]

    assert 0.045 <= asyncio.run(main())[0] < 1
