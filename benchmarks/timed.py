"""What the scores of CPU-timed tasks do when other programs use the machine.

    .venv/bin/python benchmarks/timed.py [ROUNDS [SECONDS [TASK@LEVEL...]]]

Grades the start and the reference themselves, without an agent: quiet, beside a busy loop, and beside one that rests
and runs for 50 to 500 ms in turn; the loops are pinned to no core. Prints each raw score, and for each submission and
load their spread and the processor time that a grading took. No round begins after SECONDS. Last figures in
benchmarks/README.md.
"""

import asyncio
import contextlib
import hashlib
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from statistics import mean, median, pstdev
from typing import Any, Final

from sandbox.box import Box, BoxRequest, Seen
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.engine.image import require_image
from sandbox.errors import GradingFault
from sandbox.files import Collection
from tasks.grading import Submission
from tasks.task import TaskEntry, select

ENTRIES: Final = ("performance/kernel@L0", "performance/train@L0")
LOADS: Final = {
    "quiet": None,
    "busy": "while True: pass",
    "bursts": "import random, time\nwhile True:\n  for rest in (0, 1):\n    end = time.time() + random.uniform(.05, .5)\n"
              "    while time.time() < end: rest and time.sleep(end - time.time())",
}  # fmt: skip


@contextlib.contextmanager
def loaded(program: str | None) -> Iterator[None]:
    """A program beside."""
    running = [subprocess.Popen([sys.executable, "-c", program])] if program else []
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


@dataclass
class Bench:
    """``tasks.grading.Bench`` on boxes that are emptied in place of being made anew."""

    boxes: list[Box]
    #: Processor seconds of all.
    cpu: float = 0.0
    _free: list[Box] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._free = list(self.boxes)

    @contextlib.asynccontextmanager
    async def box(
        self, *services: Any, ground: Any = None, seconds: float | None = None
    ) -> AsyncIterator[Box]:
        """One of them, with no process left in it."""
        box = self._free.pop(0)
        await box.kill_all()
        before = box.usage().cpu_us or 0
        try:
            yield box
        finally:
            self.cpu += ((box.usage().cpu_us or 0) - before) / 1e6

    def keep(self, seen: Iterable[Seen]) -> None:
        """Nothing is kept."""

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        """Nothing is written."""


@contextlib.asynccontextmanager
async def three(entry: TaskEntry) -> AsyncIterator[list[Box]]:
    """As many boxes as a grading takes, of the entry's limits."""
    engine = Engine()
    boxes, limits = DockerBoxes(engine, image=require_image(engine)), entry.task.limits(entry.level)
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                boxes.open(
                    BoxRequest(f"timed-{os.getpid()}-{n}", limits, False, {"tidegauge.owner": "timed"})
                )
            )
            for n in range(3)
        ]
    await boxes.close()


async def graded(entry: TaskEntry, who: str, number: int, boxes: list[Box]) -> tuple[float | None, float]:
    """The raw score of the entry's own start or reference, None if unmeasurable; and processor seconds."""
    world = entry.task.draw(hashlib.sha256(f"timed {number}".encode()).digest(), entry.level, "plain")
    work: Any = getattr(world.hidden, "kernel", None) or getattr(world.hidden, "training")  # noqa: B009
    files = {f"submission/{work.name}.py": getattr(work, who).encode()}
    bench, before = Bench(boxes), time.process_time()
    try:
        grade = await entry.task.grade(world, Submission(Collection(files), Collection({}), (), ()), bench)
    except GradingFault as fault:
        print(fault, flush=True)
        return None, bench.cpu + time.process_time() - before
    return grade.raw, bench.cpu + time.process_time() - before


async def main(rounds: int, seconds: float, entries: list[TaskEntry]) -> None:
    """Each load and each submission in turn."""
    end = time.monotonic() + seconds
    for entry in entries:
        found = defaultdict[tuple[str, str], list[tuple[float | None, float]]](list)
        async with three(entry) as boxes:
            for number in range(rounds):
                if time.monotonic() > end:
                    break
                for load, program in LOADS.items():
                    for who in ("start", "reference"):
                        with loaded(program):
                            found[load, who].append(await graded(entry, who, number % 4, boxes))
                        raw, cpu = found[load, who][-1]
                        print(
                            f"{entry} {load} {who} raw {raw} cpu {cpu:.2f} load {os.getloadavg()[0]:.1f}",
                            flush=True,
                        )
        for (load, who), results in found.items():
            raws = [raw for raw, _ in results if raw is not None]
            print(f"{entry} {load} {who}: {len(raws)} of {len(results)}, mean {mean(raws):.3f}, sd {pstdev(raws):.3f}, "
                  f"{min(raws):.3f} to {max(raws):.3f}, CPU-s {median(cpu for _, cpu in results):.2f}")  # fmt: skip


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(
        main(int((given or ["5"])[0]), float((given[1:] or ["inf"])[0]), select(given[2:] or ENTRIES))
    )
