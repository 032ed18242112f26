"""Before an attempt begins its engine is asked, whatever its stream of events pretends."""

import asyncio
import threading

import pytest

from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.engine.readiness import Readiness
from sandbox.errors import EngineFault, Mistake


class Asked:
    """An engine that answers as it is told, and counts what it is asked."""

    def __init__(self) -> None:
        self.has_image = True
        self.away = self.makes_none = False
        self.questions = self.trials = 0

    def holds(self) -> bool:
        self.questions += 1
        if self.away:
            raise EngineFault("no answer in time")
        return self.has_image

    async def trial(self) -> None:
        self.trials += 1
        if self.makes_none:
            raise EngineFault("no space left on device")


def test_all_who_ask_at_a_time_share_one_answer() -> None:
    asked = Asked()

    async def main() -> None:
        readiness = Readiness(asked.holds, asked.trial)
        await asyncio.gather(*(readiness.check() for _ in range(8)))
        await readiness.check()

    asyncio.run(main())
    assert (asked.questions, asked.trials) == (1, 0)


def test_an_engine_that_does_not_answer_fails_all_who_wait_and_is_asked_anew_by_the_next() -> None:
    asked = Asked()
    asked.away = True

    async def main() -> list[object]:
        readiness = Readiness(asked.holds, asked.trial)
        failed = await asyncio.gather(*(readiness.check() for _ in range(3)), return_exceptions=True)
        asked.away = False
        await readiness.check()
        return [str(fault) for fault in failed]

    assert asyncio.run(main()) == ["no answer in time"] * 3
    assert asked.questions == 2


def test_an_engine_is_asked_though_every_thread_that_others_share_hangs() -> None:
    asked, done = Asked(), threading.Event()

    async def main() -> None:
        hanging = [asyncio.create_task(asyncio.to_thread(done.wait)) for _ in range(64)]
        await asyncio.wait_for(Readiness(asked.holds, asked.trial).check(), 60)
        done.set()
        await asyncio.gather(*hanging)

    asyncio.run(main())
    assert asked.questions == 1


def test_after_a_box_that_could_not_be_made_there_are_none_until_a_trial_succeeds() -> None:
    asked = Asked()
    asked.makes_none = True

    async def main() -> None:
        readiness = Readiness(asked.holds, asked.trial)
        await readiness.check()
        readiness.failed()
        with pytest.raises(EngineFault, match="no space left on device"):
            await readiness.check()
        asked.makes_none = False
        await readiness.check()

    asyncio.run(main())
    assert asked.trials == 2


def test_closed_it_leaves_no_thread_and_says_that_there_are_no_more() -> None:
    asked, before = Asked(), set(threading.enumerate())

    async def main() -> None:
        readiness = Readiness(asked.holds, asked.trial)
        await readiness.check()
        started = [
            one for one in set(threading.enumerate()) - before if one.name.startswith("engine-answers")
        ]
        await readiness.close()
        assert [one.is_alive() for one in started] == [False]
        with pytest.raises(EngineFault, match="no more boxes are given out"):
            await readiness.check()

    asyncio.run(main())
    assert asked.questions == 1


@pytest.mark.box
def test_an_image_that_was_removed_is_a_mistake_with_its_remedy(engine: Engine) -> None:
    boxes = DockerBoxes(engine, image="sha256:" + "0" * 64)
    with pytest.raises(Mistake) as caught:
        asyncio.run(boxes.answering())
    assert str(caught.value) == (
        "container engine: the image of the boxes was removed; "
        "`python -m sandbox.engine.image` makes it again; then the same command resumes"
    )
