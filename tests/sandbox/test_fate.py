"""What the engine does to a box reaches that box, whatever becomes of the stream it comes by."""

import asyncio
import queue
from collections.abc import Iterator

import docker
import pytest

from sandbox.box import BoxRequest
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.engine.listener import EngineListener, Told
from sandbox.fate import EngineEvent, Fate
from sandbox.limits import Limits

BREAK = Told("", 0, EngineEvent("break"))


class Engines:
    """An engine's stream of events, which ends at ``BREAK`` as the real one does when the engine goes."""

    def __init__(self) -> None:
        self.says: queue.Queue[Told] = queue.Queue()
        self.opened_since: list[int] = []

    def stream(self, since: int) -> Iterator[Told]:
        self.opened_since.append(since)
        while (told := self.says.get()) != BREAK:
            yield told


def actions(fate: Fate) -> list[object]:
    return [data["action"] for data in fate.since(0)]


def test_each_container_hears_its_own_events_in_order() -> None:
    engine = Engines()

    async def main() -> None:
        listener = EngineListener(engine.stream)
        with listener.following("a") as a, listener.following("b") as b:
            base = 2 * 10**18
            engine.says.put(Told("a", base + 1, EngineEvent("kill", signal=9)))
            engine.says.put(Told("b", base + 2, EngineEvent("oom")))
            engine.says.put(Told("c", base + 3, EngineEvent("die")))
            engine.says.put(Told("a", base + 4, EngineEvent("die", 137)))
            await a.settled(60)
            assert actions(a) == ["kill", "die"]
            assert a.host_evidence == "the container was killed from outside"
            assert actions(b) == ["oom"]
            assert b.host_evidence is None

    asyncio.run(main())


def test_a_stream_that_breaks_is_opened_again_where_it_ended_and_told_once() -> None:
    engine = Engines()

    async def main() -> None:
        listener = EngineListener(engine.stream)
        with listener.following("a") as fate:
            base = 2 * 10**18
            engine.says.put(Told("a", base, EngineEvent("oom")))
            engine.says.put(BREAK)
            engine.says.put(BREAK)
            engine.says.put(Told("a", base, EngineEvent("oom")))
            engine.says.put(Told("a", base + 1, EngineEvent("die", 137)))
            async with asyncio.timeout(60):
                await fate.more(2)
            assert actions(fate) == ["oom", "away", "die"]
            assert fate.host_evidence == "the engine went away"
            assert engine.opened_since[1:] == [base, base]

    asyncio.run(main())


@pytest.mark.box
def test_a_container_killed_from_outside_dies_by_the_hosts_hand(engine: Engine, image: str) -> None:
    async def main() -> None:
        asked = BoxRequest("tidegauge-test-killed", Limits(), False, {"owner": "test-fate", "episode": "e"})
        async with DockerBoxes(engine, image=image).open(asked) as box:
            await asyncio.to_thread(docker.APIClient().kill, box.container)
            async for _ in box.watch():
                raise AssertionError("the box reported something")
            await box.fate.settled(60)
            assert box.fate.since(0) == [
                {"action": "kill", "exit_code": None, "signal": 9},
                {"action": "die", "exit_code": 137, "signal": None},
            ]

    asyncio.run(main())
    assert engine.owned("test-fate") == {}
