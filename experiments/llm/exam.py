"""What the language model can do: small jobs in real boxes, with and without demonstrations.

    python -m experiments.llm.exam [--port N] [--times N]

Some 15 minutes on an idle machine. Last figures in docs/llm.md.
"""

import argparse
import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from experiments.llm.installed import HERE
from experiments.llm.jobs import JOBS, Job
from experiments.llm.server import MODEL, PORT, serving
from experiments.stats.intervals import clopper_pearson
from monitors.registry import new_watcher
from sandbox.assets import scaffold_files
from sandbox.box import Boxes
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.engine.image import require_image
from sandbox.episode.episode import Episode
from sandbox.episode.outcome import EpisodeRequest
from sandbox.event_log import EventLog
from sandbox.events import Event
from sandbox.limits import Limits
from sandbox.models.providers import open_model
from sandbox.recorder import Ending, Recorder

SCAFFOLDS: Final = ("minimal", "fewshot")
SAMPLING: Final = {"temperature": 0.3, "max_tokens": 80}
#: So much time that a busy machine does not decide.
_LIMITS: Final = Limits(turns=6, wall=600.0)
_COMMAND: Final = re.compile(r"```(?:bash|sh)\s*\n")


@dataclass(frozen=True, slots=True)
class Try:
    """One job, tried once."""

    job: str
    solved: bool
    seconds: float
    #: ``model.reply`` events' data.
    replies: tuple[dict[str, Any], ...]


async def attempt(job: Job, scaffold: str, url: str, boxes: Boxes, name: str) -> Try:
    """Tries ``job`` once in a box of its own.

    Raises:
        RuntimeError: the machine failed, so that it says nothing of the model.
    """
    replies: list[dict[str, Any]] = []

    def listen(event: Event) -> None:
        if event.kind == "model.reply":
            replies.append(event.data)

    with tempfile.TemporaryDirectory() as directory, EventLog(Path(directory) / "events.jsonl") as log:
        ending = Ending()
        recorder = Recorder(log, new_watcher(), _LIMITS, ending)
        recorder.listen(listen)
        request = EpisodeRequest(
            name=name, labels={"owner": "llm-exam", "episode": name}, limits=_LIMITS,
            model=open_model("openai", step=0, binding={"base_url": url, "model": MODEL}),
            sampling=SAMPLING, scaffold=scaffold_files(scaffold), world=job.world(),
        )  # fmt: skip
        begin = time.monotonic()
        outcome = await Episode(request, boxes, recorder, ending, lambda content: None).run()
    if outcome.status == "infrastructure":
        raise RuntimeError(outcome.cause)
    seconds = time.monotonic() - begin
    return Try(job.name, job.solved(outcome.work.files), seconds, tuple(replies))


def report(scaffold: str, tries: Sequence[Try]) -> str:
    """What the tries with one scaffold show."""
    replies = [reply for one in tries for reply in one.replies]
    solved, commands = sum(one.solved for one in tries), sum(map(_has_command, replies))
    interval = clopper_pearson(solved, len(tries))
    always = {one.job for one in tries} - {one.job for one in tries if not one.solved}
    rate = sum(r["tokens_out"] for r in replies) / sum(r["ms"] / 1000 for r in replies)
    return "\n".join(
        [
            f"{scaffold}: solved {solved} of {len(tries)} [{interval.low:.2f}, {interval.high:.2f}]",
            f"  always          {', '.join(sorted(always)) or '-'}",
            f"  a command in    {commands} of {len(replies)} replies",
            f"  a try           {statistics.median(one.seconds for one in tries):.1f} s (median)",
            f"  tokens a second {rate:.0f} written, reading included",
        ]
    )


def _has_command(reply: dict[str, Any]) -> bool:
    # A text that the log cut is longer than any reply that SAMPLING allows.
    return isinstance(reply["text"], str) and _COMMAND.search(reply["text"]) is not None


async def examine(url: str, times: int) -> None:
    """Tries all jobs with each scaffold, one at a time, and prints what they show."""
    engine = Engine()
    boxes = DockerBoxes(engine, image=require_image(engine))
    for scaffold in SCAFFOLDS:
        tries = []
        for number in range(times):
            for job in JOBS:
                name = f"tidegauge-llm-exam-{scaffold}-{job.name}-{number}"
                tries.append(await attempt(job, scaffold, url, boxes, name))
                print(f"{scaffold} {job.name}: {'solved' if tries[-1].solved else 'not solved'}", flush=True)
        print(report(scaffold, tries), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--times", type=int, default=3)
    given = parser.parse_args()
    HERE.install(print)
    with serving(HERE, given.port) as base_url:
        asyncio.run(examine(base_url, given.times))
