"""How long the report of a large run takes, and how large it is.

    .venv/bin/python benchmarks/report.py [EPISODES [DIRECTORY]]

Generates a run (default 10,000 episodes: all tasks, ten checkpoints, a finding in a third of the episodes)
by the real driver, with real logs, chains and anchors, and attempts without boxes; then times the whole command
``tidegauge report``, its start and the check of all chains included. With DIRECTORY the run is kept there and
found again. Exit 1 beyond 5 s or 15 MB, or where the chains are not intact.
"""

import hashlib
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from experiments.record import artefacts, resources, rundir
from experiments.record.identity import SECRET_VARIABLE
from experiments.record.ledger import LEDGER
from experiments.record.records import EpisodeSpec, LedgerLine
from experiments.running.concluding import REPORT
from experiments.running.running import Request, run
from monitors.account import Account
from monitors.registry import new_watcher
from sandbox.canonical import sha256
from sandbox.event_log import EventLog
from tasks.task import select

EPISODES, CHECKPOINTS, TASKS = 10_000, 10, 6
#: Model replies in each log, and characters of each.
TURNS, REPLY = 12, 400
SECONDS, MEGABYTES = 5.0, 15.0
#: Of the command.
RUNS = 5
#: What an attempt leaves beside its log.
BESIDE = (resources.FILE, f"{artefacts.KEPT}/{artefacts.INDEX}")


class Paper:
    """Writes an attempt's log and ledger line without a box."""

    slots = 8

    async def run(self, spec: EpisodeSpec) -> LedgerLine:
        """An attempt whose score and findings follow from its identity."""
        plan = spec.plan
        directory = rundir.attempt_dir(Path(spec.run_dir), plan.episode, spec.attempt)
        directory.mkdir(parents=True)
        draw = random.Random(plan.episode)
        watcher, account = new_watcher(), Account()
        with EventLog(directory / "events.jsonl") as log:

            def tell(source: str, kind: str, data: dict[str, Any]) -> None:
                event = log.append(source, kind, data)
                watcher.feed(event)
                account.feed(event)

            tell("harness", "attempt.start", {"attempt": spec.attempt, "limits": plan.limits})
            for name in ("cgroup", "runner"):
                tell("harness", "sensor", {"name": name, "state": "up", "detail": "", "lost": 0})
            for turn in range(1, TURNS + 1):
                reply = {"turn": turn, "text": "x" * REPLY, "tokens_in": 900, "tokens_out": 80, "finish": "stop",
                         "ms": 20, "refused": False, "calls": [], "notes": []}  # fmt: skip
                tell("gateway", "model.reply", reply)
            if draw.random() < 1 / 3:
                forged = {"path": "/logs/verifier/reward.json", "box": "agent", "sha256": "ab" * 32}
                tell("scorer", "grade.forged", forged)
            tell("harness", "attempt.end", {"status": "completed", "cause": None, "refused": False})
            chain = {"head": log.head, "events": log.count}
        resources.write(directory, account.as_json(watcher.findings))
        artefacts.keep(Path(spec.run_dir), directory, "completed", [], {})
        score = round(draw.random(), 3)
        return LedgerLine.model_validate(
            {
                "episode": plan.episode, "attempt": spec.attempt, "checkpoint": plan.checkpoint.model_dump(),
                "task": plan.task, "level": plan.level, "arm": plan.arm, "world": plan.world,
                "status": "completed", "cause": None, "refused": False, "ungraded": None, "grading": "world",
                "score": {"raw": score, "strict": score, "lenient": score, "cheats": []},
                "usage": {"cpu_s": 1.0, "wall_s": 2.0, "turns": TURNS, "tokens_in": 900, "tokens_out": 80},
                "limits": plan.limits, "box": {"runtime": "runc", "isolation": "paper", "image": "paper"},
                "findings": [finding.as_json() for finding in watcher.findings],
                "scaffold": {"start": plan.scaffold, "end": plan.scaffold, "versions": 1},
                "sensors": {"cgroup": "up", "runner": "up"}, "coverage": watcher.coverage(), "chain": chain,
                "beside": {name: sha256((directory / name).read_bytes()) for name in BESIDE},
            }
        )  # fmt: skip

    async def lacking(self) -> dict[str, str | None]:
        """Nothing: no boxes are needed."""
        return {"paper": None}


def generated(folder: Path, episodes: int) -> Path:
    """The run directory of a generated run under ``folder``."""
    os.environ[SECRET_VARIABLE] = str(folder / "secret")
    found = rundir.list_runs(folder / "runs")
    if found:
        return found[0]
    (folder / "secret").write_bytes(b"0123456789abcdef0123456789abcdef\n")
    script = folder / "script.yaml"
    script.write_text("turns: [submit]\n")
    checkpoints = [{"name": f"s{step}", "step": step} for step in range(CHECKPOINTS)]
    family = {"family": "paper", "provider": "scripted", "script": str(script), "checkpoints": checkpoints}
    config = {
        "suite": "large", "models": [family], "tasks": ["*@L0"], "policy": "quickstart",
        "repeats": -(-episodes // (CHECKPOINTS * len(select(["*@L0"])))), "tracking": {"uri": "nothing://there"},
    }  # fmt: skip
    (folder / "config.yaml").write_text(json.dumps(config))
    request = Request(folder / "config.yaml", (), folder / "runs", local=True, limit=None)
    return run(request, lambda text: None, Paper()).view.directory


def main(folder: Path, episodes: int) -> int:
    """Prints the times; the exit code."""
    directory = generated(folder, episodes)
    took, used = zip(*(measured(directory) for _ in range(RUNS)), strict=True)
    floor = read_and_hashed(directory)
    size = (directory / REPORT).stat().st_size / 1e6
    lines = (directory / LEDGER).read_bytes().count(b"\n")
    print(
        f"{lines:,} episodes: {min(took):.2f} s at least, {statistics.median(took):.2f} s in the median of {RUNS}, on"
        f" {len(os.sched_getaffinity(0))} processors; {min(used):.2f} CPU-s, {min(used) / floor:.2f} times the"
        f" {floor:.2f} CPU-s that SHA-256 and json.loads of every stored line take; {size:.2f} MB"
    )
    return 0 if min(took) <= SECONDS and size <= MEGABYTES else 1


def measured(directory: Path) -> tuple[float, float]:
    """Seconds and CPU-seconds of ``tidegauge report``, its start included.

    Raises:
        SystemExit: it failed, or found a broken chain.
    """
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [str(Path(sys.executable).with_name("tidegauge")), "report", str(directory)]
    failed = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if failed or "a chain of the run" in (directory / REPORT).read_text("utf-8"):
        raise SystemExit("no report, or a broken chain")
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def read_and_hashed(directory: Path) -> float:
    """CPU-seconds of one process for what nobody can leave out: every stored line is hashed and parsed once."""
    began = time.process_time()
    for path in directory.rglob("*.json*"):
        for line in path.read_bytes().splitlines():
            hashlib.sha256(line).hexdigest()
            json.loads(line)
    return time.process_time() - began


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else EPISODES
    if len(sys.argv) > 2:
        Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
        raise SystemExit(main(Path(sys.argv[2]), asked))
    with tempfile.TemporaryDirectory() as name:
        raise SystemExit(main(Path(name), asked))
