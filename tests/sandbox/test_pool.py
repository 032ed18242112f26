"""Warm boxes: fresh, alive, of the kind that is asked for, and all gone at the end."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Set

import docker
import pytest

from sandbox.box import BoxRequest, Completed
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBox
from sandbox.engine.pool import WarmBoxes
from sandbox.errors import BoxDied, EngineFault
from sandbox.limits import Limits

pytestmark = pytest.mark.box

OWNER = f"pool-{os.getpid()}"


def asked(limits: Limits | None = None, deadline: float = 60.0) -> BoxRequest:
    return BoxRequest("asked", limits or Limits(), False, {"owner": OWNER, "episode": "e"}, deadline)


async def shell(box: DockerBox, command: str) -> Completed:
    return await box.run(["bash", "-c", command], cwd="/work", env={}, output=1000, timeout=60)


async def until(engine: Engine, number: int, without: Set[str] = frozenset()) -> set[str]:
    """Our containers, once there are so many of them and none of some is left."""
    async with asyncio.timeout(60):
        while len(owned := set(await asyncio.to_thread(engine.owned, OWNER))) != number or owned & without:
            await asyncio.sleep(0.05)
    return owned


@pytest.fixture
def pool(engine: Engine, image: str) -> Callable[[int, Callable[[WarmBoxes], Awaitable[None]]], None]:
    """Runs a coroutine function on warm boxes, and holds them to leaving nothing."""

    def run(spare: int, work: Callable[[WarmBoxes], Awaitable[None]]) -> None:
        async def main() -> None:
            boxes = WarmBoxes(engine, image=image, spare=spare)
            try:
                await work(boxes)
            finally:
                await boxes.close()

        asyncio.run(main())
        assert engine.owned(OWNER) == {}

    return run


Pool = Callable[[int, Callable[[WarmBoxes], Awaitable[None]]], None]


def test_the_next_box_of_a_kind_was_made_before_and_nothing_of_the_last_is_in_it(
    pool: Pool, engine: Engine
) -> None:
    async def work(boxes: WarmBoxes) -> None:
        async with boxes.open(asked()) as first:
            await shell(first, "echo mine > /work/a; echo mine > /tmp/a")
            made = await until(engine, 2)
            async with boxes.open(asked()) as second:
                assert second.container in made
                assert second.container != first.container
                assert (
                    await shell(second, "ls -A /work /tmp /logs")
                ).stdout == b"/logs:\n\n/tmp:\n\n/work:\n"

    pool(1, work)


def test_a_box_that_died_while_it_waited_is_not_handed_out(pool: Pool, engine: Engine) -> None:
    async def work(boxes: WarmBoxes) -> None:
        async with boxes.open(asked()) as first:
            (waiting,) = await until(engine, 2) - {first.container}
            await asyncio.to_thread(docker.APIClient().kill, waiting)
            async with boxes.open(asked()) as second:
                assert second.container != waiting
                assert (await shell(second, "echo alive")).stdout == b"alive\n"

    pool(1, work)


def test_a_box_that_saw_the_engine_go_away_is_not_handed_out(pool: Pool, engine: Engine) -> None:
    async def work(boxes: WarmBoxes) -> None:
        async with boxes.open(asked()) as first:
            made = await until(engine, 2)
            async with asyncio.timeout(60):
                while not boxes.ready:
                    await asyncio.sleep(0.05)
            # What a listener does whose stream breaks.
            engine.listener._tell_all_away()
            async with boxes.open(asked()) as second:
                assert second.container not in made
                assert second.fate.host_evidence is None
            assert first.fate.host_evidence == "the engine went away"

    pool(1, work)


def test_a_box_of_another_kind_is_made_for_who_asks_and_the_old_kind_makes_room(
    pool: Pool, engine: Engine
) -> None:
    async def work(boxes: WarmBoxes) -> None:
        async with boxes.open(asked()) as first:
            made = await until(engine, 2)
        async with boxes.open(asked(Limits(disk=2**20))) as other:
            assert other.container not in made
            assert (await shell(other, "df --output=size /work | tail -1")).stdout.strip() == b"512"
            await until(engine, 2, without={first.container, *made})

    pool(1, work)


def test_the_time_of_a_warm_box_runs_from_its_hand_out(pool: Pool, engine: Engine) -> None:
    async def work(boxes: WarmBoxes) -> None:
        async with boxes.open(asked(deadline=2.0)) as first:
            made = await until(engine, 2)
            with pytest.raises(BoxDied):
                while True:
                    await shell(first, "sleep 0.1")
            handed_out = time.monotonic()
            async with boxes.open(asked(deadline=2.0)) as second:
                assert second.container in made
                with pytest.raises(BoxDied):
                    while True:
                        await shell(second, "sleep 0.1")
            assert time.monotonic() - handed_out >= 2

    pool(1, work)


def test_an_opening_that_is_given_up_leaves_nothing(pool: Pool) -> None:
    async def work(boxes: WarmBoxes) -> None:
        for seconds in (0.0, 0.02, 0.1, 0.25):
            opening = asyncio.create_task(boxes.open(asked()).__aenter__())
            await asyncio.sleep(seconds)
            opening.cancel()
            await asyncio.wait({opening})

    pool(2, work)


def test_an_engine_that_refuses_tells_everybody_who_waits(engine: Engine) -> None:
    async def main() -> None:
        boxes = WarmBoxes(engine, image="tidegauge/no-such-image:0", spare=2)

        async def one() -> None:
            async with boxes.open(asked()):
                raise AssertionError("a box of an image that is not there")

        async with asyncio.timeout(60):
            refused = await asyncio.gather(one(), one(), one(), return_exceptions=True)
        await boxes.close()
        assert [type(error) for error in refused] == [EngineFault] * 3
        assert "no-such-image" in str(refused[0])

    asyncio.run(main())
    assert engine.owned(OWNER) == {}


def test_two_processes_of_one_run_make_boxes_under_different_names() -> None:
    code = (
        "from sandbox.box import BoxRequest; from sandbox.limits import Limits; from sandbox.engine import pool;"
        "kind = pool._Kind.of(BoxRequest('asked', Limits(), False, {'owner': 'one'}));"
        "print(kind.request().name, kind.request().name)"
    )
    told = [
        subprocess.run([sys.executable, "-Ic", code], capture_output=True, check=True).stdout.split()
        for _ in range(2)
    ]
    assert len({*told[0], *told[1]}) == 4
