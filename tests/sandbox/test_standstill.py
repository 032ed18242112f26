"""A standstill of this process counts, but for what looking at the attempt itself took."""

import asyncio
from collections.abc import Callable

import pytest

from sandbox.episode import standstill
from sandbox.episode.standstill import LoopClock


@pytest.mark.parametrize(
    ("stood", "own", "counted"), [(30.0, 0.0, 28.0), (30.0, 25.0, None), (30.0, 5.0, 23.0)]
)
def test_what_monitors_of_the_attempt_itself_take_is_no_standstill(
    stood: float, own: float, counted: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an agent could buy a second attempt with a scaffold that takes long to compare."""
    now, taken = 100.0, 7.0

    class Clock:
        monotonic: Callable[[], float] = staticmethod(lambda: now)

    async def main() -> float | None:
        nonlocal now, taken
        async with LoopClock(lambda: taken) as clock:
            await asyncio.sleep(0)
            now, taken = now + stood, taken + own
            return clock.stood_still

    monkeypatch.setattr(standstill, "time", Clock)
    monkeypatch.setattr(standstill, "_TICK_SECONDS", 2.0)
    assert asyncio.run(main()) == counted
