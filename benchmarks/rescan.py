"""How fast stored logs are checked and rescanned, in events a second.

    .venv/bin/python benchmarks/rescan.py [RUN]

First of one processor and without contents: RUN is a run directory, whose events are written again and again into one
long log; without it, the events are made up in the proportions of `quickstart`. The times are this process's own CPU
time, the best of three. Then `tidegauge rescan`, by the clock, the best of five, with the start of Python and on all
processors: of a directory of such logs, and of RUN with all its contents.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from monitors.registry import new_watcher
from monitors.rescan import rescan_log
from sandbox.event_log import EventLog
from sandbox.events import read_events

EVENTS = 30_000
#: So many copies of the one log make a directory.
LOGS = 16
Fact = tuple[str, str, dict[str, Any]]

#: Of 100 events of `quickstart`: how many of each, and one such.
MADE_UP: list[tuple[int, Fact]] = [
    (28, ("notify", "process.exec", {"pid": 41, "ppid": 7, "path": "/usr/bin/python3", "argv": ["python3", "/work/look.py"]})),
    (14, ("gateway", "model.call", {"turn": 3, "api": "chat.completions", "model": "default", "messages": 6, "last": "exit 0\n" + "a line of output\n" * 8, "digest": "ab" * 32, "stream": False, "tools": []})),
    (14, ("gateway", "model.reply", {"turn": 3, "text": "```bash\npython3 look.py\n```", "tokens_in": 312, "tokens_out": 14, "finish": "stop", "ms": 41.25, "refused": False, "calls": [], "notes": {}})),
    (10, ("harness", "sensor", {"name": "notify", "state": "up", "detail": "3 calls", "lost": 0})),
    (12, ("cgroup", "cgroup.usage", {"cpu_us": 812345, "memory": 41_000_000, "memory_peak": 52_000_000, "processes": 5, "oom_kills": 0, "refused_processes": 0})),
    (12, ("runner", "process", {"pid": 41, "ppid": 7, "argv": ["python3", "/work/look.py"]})),
    (10, ("notify", "net.connect", {"call": "connect", "family": "inet", "address": "127.0.0.1", "port": 8000, "pid": 41, "count": 2})),
]  # fmt: skip


def facts(run: Path | None) -> list[Fact]:
    """What the log holds, before it is repeated."""
    if run is None:
        return [fact for count, fact in MADE_UP for _ in range(count)]
    lines = (line for log in sorted(run.glob("episodes/*/*/events.jsonl")) for line in log.open())
    return [(event["source"], event["kind"], event["data"]) for event in map(json.loads, lines)]


def repeated(given: list[Fact]) -> Iterator[Fact]:
    """``given`` over and over, ``EVENTS`` in all."""
    for number in range(EVENTS):
        yield given[number % len(given)]


def rate(work: Callable[[], object]) -> float:
    """Events a second."""
    times = []
    for _ in range(3):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return EVENTS / min(times)


def fold(events: list[Any]) -> None:
    """Feeds all shipped monitors."""
    watcher = new_watcher()
    for event in events:
        watcher.feed(event)


def command(what: str, directory: Path, events: int) -> None:
    """Prints how long the whole command takes for ``events`` stored in a directory, and how much processor time."""
    took, used = [], []
    for _ in range(5):
        began, before = time.monotonic(), sum(os.times()[2:4])
        subprocess.run(
            [Path(sys.executable).with_name("tidegauge"), "rescan", directory],
            check=True,
            capture_output=True,
        )
        took.append(time.monotonic() - began)
        used.append(sum(os.times()[2:4]) - before)
    print(f"the whole command, {what}, {events} events, at a load of {os.getloadavg()[0]:.1f}:")
    for name, found in (
        (f"on {len(os.sched_getaffinity(0))} processors", took),
        ("of processor time", used),
    ):
        print(f"{name:<26} {events / min(found):>9,.0f} events/s   {min(found):.2f} to {max(found):.2f} s")


def one_processor(path: Path) -> None:
    """Prints the rates of the parts of a rescan of one log."""
    events = list(read_events(path))
    print(f"{EVENTS} events of {path.stat().st_size / EVENTS:.0f} bytes on average")
    parsed = rate(lambda: [json.loads(line) for line in path.open("rb")])
    for name, found in (
        ("parse as JSON alone", parsed),
        ("read and check the chain", rate(lambda: list(read_events(path)))),
        ("monitors alone", rate(lambda: fold(events))),
        ("rescan", rate(lambda: rescan_log(path))),
    ):
        print(f"{name:<26} {found:>9,.0f} events/s   {found / parsed:.2f} of parsing alone")


def main() -> None:
    """Prints the rates."""
    run = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    given = facts(run)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "0.events.jsonl"
        with EventLog(path) as log:
            for fact in repeated(given):
                log.append(*fact)
        one_processor(path)
        for number in range(1, LOGS):
            shutil.copy(path, path.with_name(f"{number}.events.jsonl"))
        command(f"{LOGS} logs", Path(directory), LOGS * EVENTS)
    if run is not None:
        ledger = [json.loads(line) for line in (run / "ledger.jsonl").open()]
        command(f"{len(ledger)} episodes", run, sum(line["chain"]["events"] for line in ledger))


if __name__ == "__main__":
    main()
