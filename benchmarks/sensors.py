"""What the always-available sensors cost a program, as paired ratios: sensors on against off.

    .venv/bin/python -I benchmarks/sensors.py [ROUNDS]

A round opens one box and runs short pieces of the same three loads in it in pairs: started by the runner and so
watched by all sensors; and by a shell of the engine's exec, under the engine's own filter and no sensor, reading a
file that nobody watches. The halves of a pair follow each other at once, and which comes first changes from pair
to pair.

Held against the bounds is the median of the pairs' ratios of wall time. A shared machine sways by a factor of two
within seconds: two long runs differ by more than any sensor costs, while the halves of a pair of pieces, a tenth of a
second apart, mostly met the same machine, and the median leaves out the pairs that did not. Its interval (95 %, of
10,000 bootstrap medians) says how much is left; one that holds the bound has decided nothing. Beside it stand

- the ratio of the shortest pieces, which no other program has lengthened, but which hides what happens now and then;
- the ratio of processor time (medians), which counts all that the box and this process used, less what an empty piece
  takes on the same side: it shows what sensors do beside a program, and no waiting for a processor.

Exit 0 if the medians are within the bounds, every spawn was told and no event lost.
"""

import asyncio
import contextlib
import os
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple

from sandbox.box import BoxRequest
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBox, DockerBoxes
from sandbox.engine.image import require_image
from sandbox.episode.usage import POLL_SECONDS
from sandbox.files import FileSpec
from sandbox.limits import Limits

ROUNDS = 6
#: Pairs of pieces of each load in a box.
PAIRS = 20
#: How often a piece does what its load is; it takes some 0.05 s.
PIECES = {"nothing": 0, "cpu": 1_000_000, "spawns": 100, "opens": 4_000}
BOUNDS = {"cpu": 1.02, "spawns": 1.5, "opens": 1.1}
DRAWS = 10_000
LIMITS = Limits(wall=600, cpu_time=600)
#: Prints the seconds that a piece took.
LOADS = """
import os, sys, time

def nothing(many, path):
    pass

def cpu(many, path):
    total = 0
    for number in range(many):
        total += number * number % 7

def spawns(many, path):
    for _ in range(many):
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)

def opens(many, path):
    for _ in range(many):
        with open(path, "rb") as file:
            file.read()

load, many, path = sys.argv[1:]
began = time.perf_counter()
globals()[load](int(many), path)
print(time.perf_counter() - began)
"""
CONTENT = b"x = 1\n" * 200


class Cost(NamedTuple):
    """Of one piece, in seconds: of the clock, and of all processors for the box and this process."""

    wall: float
    processor: float


#: Watched and not.
Pair = tuple[Cost, Cost]
#: Runs one piece of a load, and gives what it printed.
Run = Callable[[str], Awaitable[bytes]]


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


async def watched(box: DockerBox, load: str) -> bytes:
    """A piece under all sensors."""
    argv = ["python3", "/work/loads.py", load, str(PIECES[load]), "/agent/main.py"]
    async with polled(box):
        done = await box.run(argv, cwd="/work", env={"HOME": "/work"}, output=10_000, timeout=300)
    return done.stdout


@contextlib.asynccontextmanager
async def unwatched(box: DockerBox) -> AsyncIterator[Run]:
    """Runs pieces under no sensor: nothing that the engine starts inherits the runner's filter."""
    shell = 'while read -r load many; do python3 /work/loads.py "$load" "$many" /work/main.py; done'
    command = ("docker", "exec", "-i", "-u", "1000", "-w", "/work", box.container, "bash", "-c", shell)
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    stdin, stdout = program.stdin, program.stdout
    assert stdin is not None and stdout is not None

    async def run(load: str) -> bytes:
        stdin.write(f"{load} {PIECES[load]}\n".encode())
        return await stdout.readline()

    yield run
    stdin.close()
    await program.wait()


async def cost(box: DockerBox, run: Run, load: str) -> Cost:
    """What a piece costs under one of the two."""
    before = (box.usage().cpu_us or 0) / 1e6 + time.process_time()
    wall = float(await run(load))
    return Cost(wall, (box.usage().cpu_us or 0) / 1e6 + time.process_time() - before)


async def one_pair(box: DockerBox, alone: Run, load: str, *, watched_first: bool) -> Pair:
    """What a piece costs with all sensors and with none."""
    if watched_first:
        on = await cost(box, partial(watched, box), load)
        return on, await cost(box, alone, load)
    off = await cost(box, alone, load)
    return await cost(box, partial(watched, box), load), off


async def one_round(boxes: DockerBoxes, number: int) -> tuple[dict[str, list[Pair]], int]:
    """The pairs of one box, and how many events were lost or spawns not told."""
    name = f"tidegauge-bench-{os.getpid()}-{number}"
    pairs: dict[str, list[Pair]] = {load: [] for load in PIECES}
    async with boxes.open(BoxRequest(name, LIMITS, None, {"owner": "bench", "episode": name})) as box:
        await box.put("/agent", [FileSpec("main.py", CONTENT)])
        await box.put("/work", [FileSpec("loads.py", LOADS.encode()), FileSpec("main.py", CONTENT)])
        async with unwatched(box) as alone:
            for pair in range(PAIRS):
                for load in PIECES:
                    pairs[load].append(await one_pair(box, alone, load, watched_first=pair % 2 == 0))
        await box.kill_all()
        told = sum(seen.kind == "process.exec" and seen.data["path"] == "/bin/true" for seen in box.drain())
        return pairs, PAIRS * PIECES["spawns"] - told + sum(box.lost.values())


def median(ratios: Sequence[float]) -> tuple[float, str]:
    """The median, and as text with its 95 % interval by the percentile bootstrap (Efron 1979)."""
    draw = random.Random(0).choices
    drawn = sorted(statistics.median(draw(ratios, k=len(ratios))) for _ in range(DRAWS))
    middle = statistics.median(ratios)
    return middle, f"{middle:.3f} [{drawn[DRAWS // 40]:.3f}, {drawn[-DRAWS // 40 - 1]:.3f}]"


def processor(pairs: Sequence[Pair]) -> tuple[float, float]:
    """The medians of the processor time of the watched pieces and of the others, in seconds."""
    on, off = ([pair[side].processor for pair in pairs] for side in (0, 1))
    return statistics.median(on), statistics.median(off)


async def main(rounds: int) -> int:
    """Prints a line a load."""
    engine = Engine()
    boxes = DockerBoxes(engine, image=require_image(engine))
    ran = [await one_round(boxes, number) for number in range(rounds)]
    pairs = {load: [pair for found, _ in ran for pair in found[load]] for load in PIECES}
    empty = processor(pairs["nothing"])
    held = True
    for load, bound in BOUNDS.items():
        middle, wall = median([on.wall / off.wall for on, off in pairs[load]])
        least = min(on.wall for on, _ in pairs[load]) / min(off.wall for _, off in pairs[load])
        on, off = (used - start for used, start in zip(processor(pairs[load]), empty, strict=True))
        held = held and middle <= bound
        print(f"{load:<7} {wall} of {bound}; shortest {least:.3f}; processor time {on / off:.3f}")
    missed, spawns = sum(missed for _, missed in ran), rounds * PAIRS * PIECES["spawns"]
    print(f"{rounds * PAIRS} pairs of each; {missed} of {spawns} spawns not told, or events lost")
    return 0 if held and missed == 0 else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)))
