"""What an episode costs beyond its boxes: whole episodes against bare boxes, in turn, in one run.

    .venv/bin/python -I benchmarks/episodes.py [EPISODES]

An episode is ml/tab with the scripted agent `null`: one agent box, one grading box, door, sensors,
monitors, chained log. The floor opens and closes as many bare boxes, as many at a time. Prints the
medians and the ratio; last figures in benchmarks/README.md.
"""

import asyncio
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count

from experiments.attempt import run_attempt
from experiments.check import spec_for
from sandbox.box import BoxRequest
from sandbox.container import Engine
from sandbox.docker_box import DockerBoxes
from sandbox.image import require_image
from sandbox.limits import Limits
from tasks.task import select

ROUNDS = 3
AT_A_TIME = 4
BOXES_AN_EPISODE = 2


async def side_by_side(jobs: int, job: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Wall and host CPU seconds of ``jobs`` runs of ``job``, ``AT_A_TIME`` at a time."""
    places = asyncio.Semaphore(AT_A_TIME)

    async def one() -> None:
        async with places:
            await job()

    wall, cpu = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    await asyncio.gather(*(one() for _ in range(jobs)))
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.monotonic() - wall, used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime


async def main(episodes: int) -> None:
    """Rounds of floor and episodes in turn."""
    engine = Engine()
    boxes = DockerBoxes(engine, image=require_image(engine))
    numbers = count()
    entry = select(["ml/tab@L0"])[0]

    with tempfile.TemporaryDirectory() as directory:
        base = spec_for(entry, "null", entry.task.agents()["null"], 0, directory)

        async def episode() -> None:
            await run_attempt(replace(base, attempt=next(numbers)), boxes)

        async def bare() -> None:
            for _ in range(BOXES_AN_EPISODE):
                name = f"tidegauge-bench-{next(numbers)}"
                async with boxes.open(BoxRequest(name, Limits(), False, {"owner": "bench", "episode": name})):
                    pass

        await episode()  # imports and caches
        ratios, rows = [], []
        for _ in range(ROUNDS):
            floor, _ = await side_by_side(episodes, bare)
            wall, cpu = await side_by_side(episodes, episode)
            ratios.append(wall / floor)
            rows.append((60 * episodes / wall, 1000 * cpu / episodes))
    print(f"{episodes} episodes, {AT_A_TIME} at a time, median of {ROUNDS} rounds")
    print(f"episodes a minute        {statistics.median(row[0] for row in rows):.0f}")
    print(f"host CPU an episode, ms  {statistics.median(row[1] for row in rows):.0f}")
    print(f"time against bare boxes  {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 16))
