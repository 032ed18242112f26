"""Whether a task tells null, mid and ref apart, how far ref's scores spread over worlds, and what it costs.

    .venv/bin/python benchmarks/suite.py [PATTERN [WORLDS]]

For each task and level: the mean score of each of the three scripted agents, how many standard errors of the
difference lie between neighbours, the standard deviation of ref over worlds, the time to draw a world, and the
processor time of an episode of ref: its agent's box, its grading boxes, and this process. Last figures in
benchmarks/README.md.
"""

import asyncio
import contextlib
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from math import inf, sqrt

from experiments.attempts.attempt import attempt_task
from experiments.attempts.check import spec_for
from sandbox.box import Box, BoxInfo, BoxRequest
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.engine.image import require_image
from tasks.task import TaskEntry, select

AGENTS = ("null", "mid", "ref")


class Metered:
    """Boxes that sum up what they used."""

    def __init__(self, boxes: DockerBoxes) -> None:
        self.info: BoxInfo = boxes.info
        self._boxes = boxes
        self.cpu_s = 0.0
        self.memory = 0

    async def answering(self) -> None:
        await self._boxes.answering()

    @contextlib.asynccontextmanager
    async def open(self, request: BoxRequest) -> AsyncIterator[Box]:
        async with self._boxes.open(request) as box:
            try:
                yield box
            finally:
                usage = box.usage()
                self.cpu_s += (usage.cpu_us or 0) / 1e6
                self.memory = max(self.memory, usage.memory_peak or 0)

    async def close(self) -> None:
        await self._boxes.close()


def own_cpu() -> float:
    """Processor seconds of this process and of those it waited for."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


async def measure(entry: TaskEntry, boxes: Metered, worlds: int, directory: str) -> str:
    """One line about a task at a level."""
    scripts = entry.task.agents(entry.level)
    scores: dict[str, list[float]] = {name: [] for name in AGENTS}
    beyond, drawing = [], []
    for world in range(worlds):
        before = time.process_time()
        entry.task.draw(sha256(f"bench {entry} {world}".encode()).digest(), entry.level, "plain")
        drawing.append(time.process_time() - before)
        for name in AGENTS:
            own, inside = own_cpu(), boxes.cpu_s
            spec = spec_for(entry, name, scripts[name], world, directory)
            line = await attempt_task(spec, entry.task, boxes)
            if line.score is None or line.score.raw is None:
                return f"{entry}: {name} in world {world} has no score: {line.status}, {line.ungraded}"
            scores[name].append(line.score.raw)
            if name == "ref":
                spent = own_cpu() - own + boxes.cpu_s - inside
                beyond.append((spent - (line.usage.cpu_s or 0.0), line.usage.cpu_s or 0.0))
    means = ", ".join(f"{name} {statistics.fmean(values):.3f}" for name, values in scores.items())
    gaps = ", ".join(f"{apart(scores[a], scores[b]):.0f}" for a, b in (AGENTS[:2], AGENTS[1:]))
    cost = statistics.median(cost for cost, _ in beyond)
    own_box = statistics.median(cpu for _, cpu in beyond)
    return (
        f"{entry}: {means}; {gaps} standard errors apart; sd of ref {statistics.pstdev(scores['ref']):.3f}; "
        f"world {max(drawing):.2f} s; agent {own_box:.2f} CPU-s, beyond it {cost:.2f}; "
        f"memory {boxes.memory / 1e6:.0f} MB"
    )


def apart(low: list[float], high: list[float]) -> float:
    """The difference of the means in standard errors of it, the two samples taken as independent."""
    error = sqrt((statistics.variance(low) + statistics.variance(high)) / len(low))
    return (statistics.fmean(high) - statistics.fmean(low)) / error if error else inf


async def main(pattern: str, worlds: int) -> None:
    """Prints a line for each task and level."""
    engine = Engine()
    boxes = DockerBoxes(engine, image=require_image(engine))
    for entry in select([pattern]):
        metered = Metered(boxes)
        with tempfile.TemporaryDirectory(prefix="tidegauge-bench-") as directory:
            print(await measure(entry, metered, worlds, directory), flush=True)
    await boxes.close()


if __name__ == "__main__":
    asyncio.run(
        main(sys.argv[1] if len(sys.argv) > 1 else "*", int(sys.argv[2]) if len(sys.argv) > 2 else 10)
    )
