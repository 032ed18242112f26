"""How many boxes start at a time follows how long a start takes."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from sandbox.engine.starts import StartGate


def test_quick_starts_let_more_through_at_a_time_up_to_four_times_the_first() -> None:
    gate = StartGate(2)
    for _ in range(4):
        gate.learn(0.1)
    assert gate.limit == 3
    for _ in range(100):
        gate.learn(0.1)
    assert gate.limit == 8


def test_starts_that_become_slow_let_fewer_through_but_never_less_than_the_first() -> None:
    gate = StartGate(2)
    for _ in range(100):
        gate.learn(0.1)
    gate.learn(1.0)
    assert gate.limit == 5
    for _ in range(10):
        gate.learn(1.0)
    assert gate.limit == 2


def test_a_host_that_stays_slower_is_taken_as_it_is() -> None:
    gate = StartGate(2)
    gate.learn(0.1)
    for _ in range(200):
        gate.learn(0.5)
    assert gate.limit == 8


@given(st.lists(st.floats(0.001, 60), max_size=50))
def test_whatever_starts_take_the_limit_stays_between_the_first_and_four_times_it(times: list[float]) -> None:
    gate = StartGate(2)
    for seconds in times:
        gate.learn(seconds)
        assert 2 <= gate.limit <= 8


def test_places_go_to_who_came_first_and_who_gave_up_holds_none() -> None:
    order: list[str] = []

    async def main() -> None:
        gate = StartGate(1)
        free = asyncio.Event()

        async def start(name: str) -> None:
            async with gate.place():
                order.append(name)
                await free.wait()

        tasks = {name: asyncio.create_task(start(name)) for name in "abcd"}
        await asyncio.sleep(0)
        tasks["b"].cancel()
        await asyncio.sleep(0)
        free.set()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        async with asyncio.timeout(60), gate.place():
            order.append("last")

    asyncio.run(main())
    assert order == ["a", "c", "d", "last"]
