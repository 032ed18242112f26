"""Whole episodes against what people do without tidegauge, in turn, in one run.

    .venv/bin/python benchmarks/box.py [EPISODES [AT_A_TIME [ROUNDS]]]

An episode is ten commands in a box of its own, told by a model that answers at once, and graded by
reading a file. Ours has all containment, sensors, monitors, the chained log and the ledger on; the raw
ones are plain containers. Prints rates and ratios, host CPU, and the times of a command, of the door and
of a hand-out. Last figures in benchmarks/README.md.
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
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import rawbox

from experiments.anchors import Anchors
from experiments.attempt import attempt_task
from experiments.check import spec_for
from experiments.ledger import Ledger
from experiments.records import EpisodeSpec
from sandbox.box import BoxRequest
from sandbox.budget import Budget
from sandbox.container import Engine
from sandbox.door import Door
from sandbox.files import FileSpec
from sandbox.image import require_image
from sandbox.limits import Limits
from sandbox.models.scripted import ScriptedModel
from sandbox.pool import WarmBoxes
from tasks.grading import Bench, Grade, Submission
from tasks.task import Task, TaskEntry, select
from tasks.world import World

COMMANDS = [f"echo {number} > out.txt" for number in range(10)]
LAST = b"9\n"
HAND_OUTS = 20
CALLS = 200


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

    def __init__(self, directory: Path, boxes: WarmBoxes) -> None:
        script = directory / "script.yaml"
        turns = [*COMMANDS, "submit"]
        script.write_text(json.dumps({"turns": [f"```bash\n{turn}\n```" for turn in turns]}))
        like = select(["ml/tab@L0"])[0].task
        self._task = ReadBack(like.id, like.directory, like.facts)
        self._spec: EpisodeSpec = spec_for(TaskEntry(self._task, "L0"), "null", script, 0, str(directory))
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

    def logs(self) -> Iterator[list[dict]]:
        """The events of each episode."""
        for path in sorted(self._directory.glob("episodes/*/*/events.jsonl")):
            yield [json.loads(line) for line in path.read_text().splitlines()]


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


def raw(kind: Callable[[str, list[str], str], bytes], image: str) -> Callable[[], Awaitable[object]]:
    """An episode of a raw kind, in a thread."""

    def run() -> None:
        if kind(image, COMMANDS, "cat out.txt").strip() != LAST.strip():
            raise RuntimeError("an episode failed")

    return lambda: asyncio.to_thread(run)


def command_ms(logs: Iterator[list[dict]]) -> list[float]:
    """From each model call to the next, which holds a command: the model's answer, the command, the call."""
    spans = []
    for events in logs:
        calls = [event["t"] for event in events if event["kind"] == "model.call"]
        spans += [(after - before) / 1000 for before, after in itertools.pairwise(calls)]
    return spans


async def hand_out_ms(boxes: WarmBoxes) -> list[float]:
    """Times of a hand-out where a box is ready."""
    asked = BoxRequest("bench", Limits(), True, {"owner": rawbox.OWNER}, 60.0)
    spans = []
    for _ in range(HAND_OUTS):
        began = time.monotonic()
        async with boxes.open(asked):
            spans.append(1000 * (time.monotonic() - began))
            while not boxes.ready:
                await asyncio.sleep(0.02)
    return spans[1:]


async def door_ms(boxes: WarmBoxes, script: Path) -> list[float]:
    """Times of a 2 KB request of a program in the box, each over a connection of its own."""
    program = Path(__file__).with_name("caller.py").read_bytes()
    asked = BoxRequest("bench", Limits(), True, {"owner": rawbox.OWNER}, 60.0)
    model, budget = ScriptedModel(script), Budget(10**6, 10**9)
    async with boxes.open(asked) as box, Door(box.door, model, (), budget, lambda *_: None):
        await box.put("/work", [FileSpec("caller.py", program)])
        done = await box.run(["python3", "caller.py", str(CALLS)], cwd="/work", env={}, output=10**6)
    return json.loads(done.stdout)


def told(name: str, spans: Sequence[float]) -> str:
    """A line with the median and the ninth decile."""
    return f"{name:34} p50 {statistics.median(spans):6.2f} ms   p90 {statistics.quantiles(spans, n=10)[-1]:6.2f} ms"


async def main(episodes: int, at_a_time: int, rounds: int) -> None:
    """Rounds of all ways in turn."""
    engine = Engine()
    image = require_image(engine)
    boxes = WarmBoxes(engine, image=image, spare=at_a_time)
    with tempfile.TemporaryDirectory() as name:
        ours = Ours(Path(name), boxes)
        ways = {
            "tidegauge": ours.episode,
            "one exec for each command": raw(rawbox.exec_episode, image),
            "one shell for each container": raw(rawbox.shell_episode, image),
        }
        rows: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        try:
            for way in ways.values():
                await side_by_side(2, 2, way)  # imports and caches
            for _ in range(rounds):
                for way, job in ways.items():
                    rows[way].append(await side_by_side(episodes, at_a_time, job))
            spans = {
                "command, model call included": command_ms(ours.logs()),
                "door, 2 KB request": await door_ms(boxes, Path(name) / "script.yaml"),
                "hand-out of a box that is ready": await hand_out_ms(boxes),
            }
        finally:
            await boxes.close()
        show(rows, f"{episodes} episodes of 10 commands, {at_a_time} at a time, {rounds} rounds in turn")
    for what, times in spans.items():
        print(told(what, times))
    print("Inspect's docker sandbox: not measured; it needs inspect_ai and `docker compose`")


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
