"""The times of a command, of the door and of a hand-out, and the share of the monitors and manifests in an episode."""

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.record.artefacts import contents
from monitors.registry import new_watcher
from sandbox.box import Box, BoxRequest
from sandbox.door.budget import Budget
from sandbox.door.door import Door
from sandbox.engine.pool import WarmBoxes
from sandbox.events import Event, read_events
from sandbox.files import FileSpec, Manifest
from sandbox.limits import Limits
from sandbox.models.scripted import ScriptedModel
from sandbox.scaffold import ROOT

OWNER = "bench-spans"
HAND_OUTS = 20
CALLS = 200
LISTINGS = 200


def _asked() -> BoxRequest:
    return BoxRequest("bench", Limits(), True, {"owner": OWNER}, 120.0)


def attempts(directory: Path) -> list[Path]:
    """Where each attempt below a run directory is kept."""
    return sorted(path.parent for path in directory.glob("episodes/*/*/events.jsonl"))


def logs(directory: Path) -> Iterator[list[Event]]:
    """The events of each attempt."""
    for attempt in attempts(directory):
        yield list(read_events(attempt / "events.jsonl"))


def command_ms(told: Iterator[list[Event]]) -> list[float]:
    """From each model call to the next, which holds a command: the model's answer, the command, the call."""
    spans = []
    for events in told:
        calls = [event.t for event in events if event.kind == "model.call"]
        spans += [(after - before) / 1000 for before, after in itertools.pairwise(calls)]
    return spans


async def hand_out_ms(boxes: WarmBoxes, spare: int) -> list[float]:
    """Times of a hand-out where ``spare`` boxes are ready and none is being made."""
    spans = []
    for number in range(spare + HAND_OUTS):
        began = time.monotonic()
        async with boxes.open(_asked()):
            spans.append(1000 * (time.monotonic() - began))
        while boxes.ready < min(number + 1, spare):
            await asyncio.sleep(0.02)
    return spans[spare:]


async def door_ms(boxes: WarmBoxes, script: Path) -> list[float]:
    """Times of a 2 KB request of a program in the box, each over a connection of its own."""
    program = Path(__file__).with_name("caller.py").read_bytes()
    model, budget = ScriptedModel(script), Budget(10**6, 10**9)
    async with boxes.open(_asked()) as box, Door(box.door, model, (), budget, lambda *_: None):
        await box.put("/work", [FileSpec("caller.py", program)])
        done = await box.run(["python3", "caller.py", str(CALLS)], cwd="/work", env={}, output=10**6)
    spans: list[float] = json.loads(done.stdout)
    return spans


async def watching(
    boxes: WarmBoxes,
    scaffold: Sequence[FileSpec],
    directory: Path,
    told: Sequence[list[Event]],
    host_ms: float,
) -> str:
    """A line: the processor time of the monitors and manifests of one episode, and its share of all of it.

    ``host_ms``: the host's own for each episode; the box's is what its cgroup counted.
    """
    began = time.process_time()
    for attempt, events in zip(attempts(directory), told, strict=True):
        watcher = new_watcher(contents(directory, attempt))
        for event in events:
            watcher.feed(event)
    monitors = 1000 * (time.process_time() - began) / len(told)
    async with boxes.open(_asked()) as box:
        await box.put(ROOT, scaffold)
        whole = await _listing_ms(box, None)
        again = await _listing_ms(box, await box.manifest(ROOT))
    calls = statistics.mean(sum(event.kind == "model.call" for event in events) for events in told)
    manifests = 2 * whole + calls * again
    used = host_ms + statistics.mean(_box_ms(events) for events in told)
    share = 100 * (monitors + manifests) / used
    return (
        f"monitors {monitors:.2f} ms, manifests {manifests:.2f} ms (2 of {whole:.2f}, {calls:.0f} of {again:.2f}), "
        f"of {used:.0f} ms of processor time an episode: {share:.1f} %"
    )


async def _listing_ms(box: Box, known: Manifest | None) -> float:
    """Processor time of one manifest, the host's and the box's; of one that is ``known``, of asking whether it is."""
    before = (box.usage().cpu_us or 0) / 1000 + 1000 * time.process_time()
    for _ in range(LISTINGS):
        await box.manifest(ROOT, known)
    return ((box.usage().cpu_us or 0) / 1000 + 1000 * time.process_time() - before) / LISTINGS


def _box_ms(events: list[Event]) -> float:
    """What the agent's box used, the runner's start left out: that was before the episode began."""
    used: list[Any] = [event.data["cpu_us"] for event in events if event.kind == "cgroup.usage"]
    return (used[-1] - used[0]) / 1000


def told(name: str, spans: Sequence[float]) -> str:
    """A line with the median and the ninth decile."""
    return f"{name:38} p50 {statistics.median(spans):6.2f} ms   p90 {statistics.quantiles(spans, n=10)[-1]:6.2f} ms"
