"""What the scores of CPU-timed tasks do when another program takes the second core.

    .venv/bin/python benchmarks/timed.py [WORLDS [TASK@LEVEL...]]

Grades each scripted reference (and start) in turn without and with a busy loop beside it, which is pinned to no
core. Prints raw scores and their differences, with the load that other programs of the machine made. Last figures
in benchmarks/README.md.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from statistics import mean

from experiments.attempt import run_attempt
from experiments.check import spec_for
from sandbox.container import Engine
from sandbox.docker_box import DockerBoxes
from sandbox.image import require_image
from tasks.task import TaskEntry, select

ENTRIES = ("performance/kernel@L0", "performance/train@L0")
AGENTS = ("null", "ref")


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """So many endless loops beside."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


async def raw(entry: TaskEntry, agent: str, world: int, boxes: DockerBoxes) -> float | str:
    """The raw score, or why there is none."""
    with tempfile.TemporaryDirectory() as directory:
        script = entry.task.agents(entry.level)[agent]
        line = await run_attempt(spec_for(entry, agent, script, world, directory), boxes)
    if line.score is None or line.score.raw is None:
        return (line.ungraded or "no score").partition(":")[0]
    return line.score.raw


async def main(worlds: int, entries: list[TaskEntry]) -> None:
    """Quiet and busy in turn."""
    engine = Engine()
    boxes = DockerBoxes(engine, image=require_image(engine))
    for entry in entries:
        for agent in AGENTS:
            changes = []
            for world in range(worlds):
                quiet = await raw(entry, agent, world, boxes)
                with busy(1):
                    loaded = await raw(entry, agent, world, boxes)
                print(f"{entry} {agent} world {world}: quiet {quiet}, busy {loaded}", flush=True)
                if isinstance(quiet, float) and isinstance(loaded, float):
                    changes.append(abs(loaded - quiet))
            if changes:
                told = f"mean {mean(changes):.3f}, largest {max(changes):.3f} of {len(changes)}"
                print(f"{entry} {agent}: change {told}; load {os.getloadavg()[0]:.1f}", flush=True)
    await boxes.close()


if __name__ == "__main__":
    given = sys.argv[1:] or ["4"]
    asyncio.run(main(int(given[0]), select(given[1:] or ENTRIES)))
