"""Whether a task tells null, mid and ref apart, how far ref's scores spread over worlds, and what it costs.

    .venv/bin/python benchmarks/suite.py [PATTERN [WORLDS [KEPT]]]

For each task and level: the mean score of each of the three scripted agents, how many standard errors of the
difference lie between neighbours, the standard deviation of ref over worlds, the time to draw a world, and the
processor time of an episode of ref: its agent's box, its grading boxes, and this process. What is found in a world is
added to the file KEPT, and what stands there is not measured again. Last figures in benchmarks/suite.txt.
"""

import asyncio
import contextlib
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
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


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in one world: raw scores by agent; seconds to draw it; of ref, CPU-s of its agent and beyond."""

    entry: str
    world: int
    scores: dict[str, float]
    drawing: float
    inside: float
    beyond: float
    #: The most that a box used, in bytes.
    memory: int


async def find(entry: TaskEntry, world: int, boxes: Metered, directory: str) -> Found:
    """Runs the three agents in one world.

    Raises:
        SystemExit: one has no score, or its processor time was not read.
    """
    scripts, scores = entry.task.agents(entry.level), dict[str, float]()
    before = time.process_time()
    entry.task.draw(sha256(f"bench {entry} {world}".encode()).digest(), entry.level, "plain")
    drawing, inside, spent = time.process_time() - before, 0.0, 0.0
    for name in AGENTS:
        before = own_cpu() + boxes.cpu_s
        line = await attempt_task(spec_for(entry, name, scripts[name], world, directory), entry.task, boxes)
        if line.score is None or line.score.raw is None:
            cause = line.ungraded if line.score is None else line.score.invalid
            raise SystemExit(f"{entry}: {name} in world {world} has no score: {line.status}, {cause}")
        if line.usage.cpu_s is None:
            raise SystemExit(f"{entry}: {name} in world {world} has no processor time")
        scores[name], inside = line.score.raw, line.usage.cpu_s
        spent = own_cpu() + boxes.cpu_s - before
    return Found(str(entry), world, scores, drawing, inside, spent - inside, boxes.memory)


def told(found: Sequence[Found]) -> str:
    """One line about a task at a level."""
    scores = {name: [one.scores[name] for one in found] for name in AGENTS}
    means = ", ".join(f"{name} {statistics.fmean(values):.3f}" for name, values in scores.items())
    gaps = ", ".join(f"{apart(scores[a], scores[b]):.0f}" for a, b in (AGENTS[:2], AGENTS[1:]))
    return (
        f"{found[0].entry}: {means}; {gaps} standard errors apart; sd of ref {statistics.stdev(scores['ref']):.3f}; "
        f"world {max(one.drawing for one in found):.2f} s; "
        f"agent {statistics.median(one.inside for one in found):.2f} CPU-s, "
        f"beyond it {statistics.median(one.beyond for one in found):.2f}; "
        f"memory {max(one.memory for one in found) / 1e6:.0f} MB"
    )


def apart(low: list[float], high: list[float]) -> float:
    """The difference of the means in standard errors of it, the two samples taken as independent."""
    error = sqrt((statistics.variance(low) + statistics.variance(high)) / len(low))
    return (statistics.fmean(high) - statistics.fmean(low)) / error if error else inf


async def main(pattern: str = "*", worlds: str = "10", kept: str = os.devnull) -> None:
    """Prints a line for each task and level."""
    if int(worlds) < 2:
        raise SystemExit("WORLDS: two at least, or nothing is known of how scores spread")
    engine = Engine()
    boxes = DockerBoxes(engine, image=require_image(engine))
    with open(kept, "a+", buffering=1) as file:
        file.seek(0)
        known = {(one["entry"], one["world"]): Found(**one) for one in map(json.loads, file)}
        for entry in select([pattern]):
            for world in range(int(worlds)):
                if (str(entry), world) not in known:
                    with tempfile.TemporaryDirectory(prefix="tidegauge-bench-") as directory:
                        one = await find(entry, world, Metered(boxes), directory)
                    known[one.entry, world] = one
                    print(json.dumps(asdict(one)), file=file)
            print(told([known[str(entry), world] for world in range(int(worlds))]), flush=True)
    await boxes.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
