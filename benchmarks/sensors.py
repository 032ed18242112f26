"""What the always-available sensors cost a program, as paired ratios: sensors on against off.

    .venv/bin/python -I benchmarks/sensors.py [ROUNDS]

Each round opens a box and runs the same three loads in it twice: started by the runner, watched by
all sensors; and by the engine's exec, under the engine's own filter and no sensor. Which comes first
changes from round to round. Exit 0 if the medians of the ratios are within the bounds and every
spawn was told and no event lost.
"""

import asyncio
import contextlib
import json
import os
import statistics
import sys
from collections.abc import AsyncIterator

from sandbox.box import BoxRequest
from sandbox.container import Engine
from sandbox.docker_box import DockerBox, DockerBoxes
from sandbox.files import FileSpec
from sandbox.image import require_image
from sandbox.limits import Limits
from sandbox.usage import POLL_SECONDS

ROUNDS = 7
BOUNDS = {"cpu": 1.02, "2,000 spawns": 1.5, "20,000 opens": 1.1}
LIMITS = Limits(wall=600, cpu_time=600)
LOADS = """
import json, os, time

def cpu():
    total = 0
    for number in range(8_000_000):
        total += number * number % 7

def spawns():
    for _ in range(2_000):
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)

def opens():
    for _ in range(20_000):
        with open("/agent/main.py", "rb") as file:
            file.read()

def seconds(load):
    began = time.perf_counter()
    load()
    return time.perf_counter() - began

print(json.dumps({"cpu": seconds(cpu), "2,000 spawns": seconds(spawns), "20,000 opens": seconds(opens)}))
"""
SPAWNS = 2_000

Seconds = dict[str, float]


@contextlib.asynccontextmanager
async def polled(box: DockerBox) -> AsyncIterator[None]:
    """Reads the box's counters as an episode does."""

    async def poll() -> None:
        while True:
            box.usage()
            await asyncio.sleep(POLL_SECONDS)

    polling = asyncio.create_task(poll())
    try:
        yield
    finally:
        polling.cancel()


async def watched(box: DockerBox) -> Seconds:
    """The loads under all sensors."""
    async with polled(box):
        done = await box.run(
            ["python3", "/work/loads.py"], cwd="/work", env={"HOME": "/work"}, output=10_000, timeout=300
        )
    seconds: Seconds = json.loads(done.stdout)
    return seconds


async def alone(box: DockerBox) -> Seconds:
    """The loads under none: nothing that the engine starts inherits the runner's filter."""
    command = ("docker", "exec", "-u", "1000", "-w", "/work", box.container, "python3", "/work/loads.py")
    program = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    printed, _ = await program.communicate()
    seconds: Seconds = json.loads(printed)
    return seconds


async def one_round(boxes: DockerBoxes, number: int) -> tuple[Seconds, int]:
    """The ratios of one round, and how many events were lost or spawns not told."""
    name = f"tidegauge-bench-{os.getpid()}-{number}"
    async with boxes.open(BoxRequest(name, LIMITS, None, {"owner": "bench", "episode": name})) as box:
        await box.put("/agent", [FileSpec("main.py", b"x = 1\n" * 200)])
        await box.put("/work", [FileSpec("loads.py", LOADS.encode())])
        if number % 2:
            on, off = await watched(box), await alone(box)
        else:
            off, on = await alone(box), await watched(box)
        await box.kill_all()
        told = sum(seen.kind == "process.exec" and seen.data["path"] == "/bin/true" for seen in box.drain())
        return {load: on[load] / off[load] for load in BOUNDS}, SPAWNS - told + sum(box.lost.values())


async def main(rounds: int) -> int:
    """Prints a line a load."""
    engine = Engine()
    boxes = DockerBoxes(engine, image=require_image(engine))
    ran = [await one_round(boxes, number) for number in range(rounds)]
    held = True
    for load, bound in BOUNDS.items():
        ratios = sorted(ratio[load] for ratio, _ in ran)
        median = statistics.median(ratios)
        held = held and median <= bound
        print(f"{load:<13} {median:.3f} of {bound} ({ratios[0]:.3f} to {ratios[-1]:.3f}, {rounds} pairs)")
    missed = sum(missed for _, missed in ran)
    print(f"{missed} of {rounds * SPAWNS} spawns not told, or events lost")
    return 0 if held and missed == 0 else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)))
