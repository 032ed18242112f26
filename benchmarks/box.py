"""Whole episodes against what people do without tidegauge, in turn, in one run.

    .venv/bin/python benchmarks/box.py [EPISODES [AT_A_TIME [ROUNDS]]]

An episode is ten commands in a box of its own, told by a model that answers at once, and graded by
reading a file. Ours has all containment, sensors, monitors, the chained log and the ledger on; the raw
ones are plain containers, and so are those of Inspect's docker sandbox, which takes part where
`inspect_box.py` has installed it. Prints rates and ratios, host CPU, and the times of a command, of the
door and of a hand-out. Last figures in benchmarks/README.md.
"""

import asyncio
import itertools
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import rawbox
import spans
from inspect_box import Inspect, missing

from experiments.attempts.attempt import attempt_task
from experiments.attempts.check import spec_for
from experiments.record.anchors import Anchors
from experiments.record.ledger import Ledger
from experiments.record.records import EpisodeSpec
from sandbox.assets import scaffold_files
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.engine.image import require_image
from sandbox.engine.pool import WarmBoxes
from sandbox.files import FileSpec
from tasks.grading import Bench, Grade, Submission
from tasks.task import Task, TaskEntry, select
from tasks.world import World

COMMANDS = [f"echo {number} > out.txt" for number in range(10)]
LAST = b"9\n"
ALONE = 5
INSPECT = "Inspect's docker sandbox"

#: Runs so many episodes, so many at a time; how many a minute, and milliseconds of CPU for each.
Round = Callable[[int, int], Awaitable[tuple[float, float]]]


class ReadBack(Task):
    """A task without a world, graded by what one file of the box holds."""

    def draw(self, seed: bytes, level: str, arm: str) -> World:
        """An instruction and nothing else."""
        return World((FileSpec("task/instruction.md", b"Count."),))

    async def grade(self, world: World, submission: Submission, bench: Bench) -> Grade:
        """1 if the last command's file was collected."""
        return Grade(float(submission.work.files.get("out.txt") == LAST), 0.0, 1.0)


class Ours:
    """Episodes as `tidegauge run` runs them."""

    def __init__(self, directory: Path, boxes: DockerBoxes) -> None:
        script = directory / "script.yaml"
        turns = [*COMMANDS, "submit"]
        script.write_text(json.dumps({"turns": [f"```bash\n{turn}\n```" for turn in turns]}))
        like = select(["ml/tab@L0"])[0].task
        self._task = ReadBack(like.id, like.directory, like.facts)
        spec = spec_for(TaskEntry(self._task, "L0"), "null", script, 0, str(directory))
        self._spec: EpisodeSpec = replace(spec, owner=f"bench-{os.getpid()}")
        self._ledger = Ledger.open(directory, Anchors(directory, os.urandom(32), directory / "head.json"))
        self._numbers = itertools.count()
        #: Label of the episodes' containers.
        self.owner = self._spec.owner
        self._directory, self._boxes = directory, boxes

    async def episode(self) -> None:
        """Runs one and holds it to its score."""
        await self._boxes.answering()
        spec = replace(self._spec, attempt=next(self._numbers))
        line = await attempt_task(spec, self._task, self._boxes)
        if line.score is None or line.score.raw != 1:
            raise RuntimeError(f"an episode failed: {line}")
        self._ledger.append(line)


async def side_by_side(
    jobs: int, at_a_time: int, job: Callable[[], Awaitable[object]]
) -> tuple[float, float]:
    """Jobs a minute, and milliseconds of this process's and its children's CPU for each."""
    left = iter(range(jobs))

    async def some() -> None:
        for _ in left:
            await job()

    began, cpu = time.monotonic(), _cpu()
    await asyncio.gather(*(some() for _ in range(at_a_time)))
    return 60 * jobs / (time.monotonic() - began), 1000 * (_cpu() - cpu) / jobs


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def raw(kind: Callable[[str, list[str], str], bytes], image: str) -> Round:
    """Episodes of a raw kind, in threads."""

    def run() -> None:
        if kind(image, COMMANDS, "cat out.txt").strip() != LAST.strip():
            raise RuntimeError("an episode failed")

    return partial(side_by_side, job=lambda: asyncio.to_thread(run))


def by_inspect(directory: Path, image: str, stack: ExitStack) -> dict[str, Round]:
    """Inspect's, where it is installed, until the stack is closed; else says what is missing."""
    if lacking := missing():
        print(f"{INSPECT}: not measured; it needs {lacking}: see benchmarks/inspect_box.py")
        return {}
    theirs = Inspect(directory, image, COMMANDS, "out.txt", LAST.decode())
    stack.callback(theirs.close)
    return {INSPECT: theirs.round}


async def alone_ms(directory: Path, boxes: DockerBoxes) -> list[float]:
    """Times of a command while no other episode runs and no box is made."""
    directory.mkdir()
    ours = Ours(directory, boxes)
    for _ in range(ALONE):
        await ours.episode()
    return spans.command_ms(spans.logs(directory))


async def measured(
    directory: Path, boxes: WarmBoxes, spare: int, single: DockerBoxes, cpu_ms: float
) -> list[str]:
    """Lines of what a rate does not tell.

    Args:
        directory: the run's.
        boxes: that keep ``spare`` ones ready.
        spare: how many.
        single: that are made when they are asked for.
        cpu_ms: the host's processor time for each episode of the run.
    """
    many = list(spans.logs(directory))
    times = {
        "command and model call, many at a time": spans.command_ms(many),
        "command and model call, alone": await alone_ms(directory / "alone", single),
        "door, 2 KB request": await spans.door_ms(boxes, directory / "script.yaml"),
        "hand-out of a box that is ready": await spans.hand_out_ms(boxes, spare),
    }
    share = await spans.watching(boxes, scaffold_files("minimal"), directory, many, cpu_ms)
    return [*(spans.told(what, taken) for what, taken in times.items()), share]


async def main(episodes: int, at_a_time: int, rounds: int) -> None:
    """Rounds of all ways in turn."""
    engine = Engine()
    image = require_image(engine)
    boxes = WarmBoxes(engine, image=image, spare=at_a_time)
    with tempfile.TemporaryDirectory() as runs, tempfile.TemporaryDirectory() as other, ExitStack() as stack:
        ours = Ours(Path(runs), boxes)
        ways: dict[str, Round] = {
            "tidegauge": partial(side_by_side, job=ours.episode),
            "one exec for each command": raw(rawbox.exec_episode, image),
            "one shell for each container": raw(rawbox.shell_episode, image),
            **by_inspect(Path(other), image, stack),
        }
        rows: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        try:
            for run in ways.values():
                await run(2, 2)  # imports and caches
            for _ in range(rounds):
                for way, run in ways.items():
                    rows[way].append(await run(episodes, at_a_time))
            cpu_ms = statistics.median(ms for _, ms in rows["tidegauge"])
            lines = await measured(Path(runs), boxes, at_a_time, DockerBoxes(engine, image=image), cpu_ms)
        finally:
            await boxes.close()
        show(rows, f"{episodes} episodes of 10 commands, {at_a_time} at a time, {rounds} rounds in turn")
    print("\n".join(lines))


def show(rows: dict[str, list[tuple[float, float]]], title: str) -> None:
    """Prints the rates, and ours as a share of each other, round by round."""
    print(f"{title}; load {os.getloadavg()[0]:.1f}")
    print(f"{'':30} a minute        ours against it          host CPU each")
    for way, measured in rows.items():
        rates = [rate for rate, _ in measured]
        shares = [ours / rate for (ours, _), rate in zip(rows["tidegauge"], rates, strict=True)]
        cpu = statistics.median(ms for _, ms in measured)
        print(
            f"{way:30} {statistics.median(rates):4.0f} ({min(rates):.0f}-{max(rates):.0f})"
            f"   {statistics.median(shares):5.2f} ({min(shares):.2f}-{max(shares):.2f})   {cpu:6.0f} ms"
        )


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    asyncio.run(main(*given, *[32, 4, 3][len(given) :]))
