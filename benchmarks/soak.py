"""Whether a long run leaks: memory, descriptors, threads and containers after the first 50 episodes and at the end.

    .venv/bin/python benchmarks/soak.py [EPISODES [AT_A_TIME]]

The episodes are those of box.py. Each number is taken while nothing runs, no box is warm and no ledger is open. Exit 1 where
one has grown: descriptors, threads or containers at all, memory by more than a twenty-fifth.
"""

import asyncio
import ctypes
import gc
import os
import sys
import tempfile
import threading
from pathlib import Path

from box import Ours, side_by_side

from sandbox.engine.container import Engine
from sandbox.engine.image import require_image
from sandbox.engine.pool import WarmBoxes

FIRST = 50
#: Times that the memory may have grown by: pieces that are in use keep pages that are not.
MEMORY = 1.04


def taken(engine: Engine, owner: str) -> dict[str, int]:
    """What this process holds now, and its containers."""
    gc.collect()
    # What the allocator keeps of freed memory is no leak.
    ctypes.CDLL(None).malloc_trim(0)
    status = Path("/proc/self/status").read_text()
    resident = status.partition("VmRSS:")[2].split()[0]
    return {
        "resident KiB": int(resident),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "containers": len(engine.owned(owner)),
    }


async def all_threads() -> None:
    """Starts every thread that blocking calls may have: which of them 50 episodes happen to need says nothing of a leak."""
    most = min(32, (os.cpu_count() or 1) + 4)  # as many as asyncio has
    together = threading.Barrier(most)
    await asyncio.gather(*(asyncio.to_thread(together.wait) for _ in range(most)))


async def part(engine: Engine, directory: Path, episodes: int, at_a_time: int) -> str:
    """Runs some episodes on warm boxes and with a ledger of their own; the owner of their containers."""
    boxes = WarmBoxes(engine, image=require_image(engine), spare=at_a_time)
    directory.mkdir()
    ours = Ours(directory, boxes)
    rate, cpu = await side_by_side(episodes, at_a_time, ours.episode)
    await boxes.close()
    print(f"{episodes} episodes, {at_a_time} at a time: {rate:.0f} a minute, {cpu:.0f} ms of host CPU each")
    return ours.owner


async def main(episodes: int, at_a_time: int) -> int:
    """Prints both takings; the exit code."""
    engine = Engine()
    await all_threads()
    with tempfile.TemporaryDirectory() as name:
        first = taken(engine, await part(engine, Path(name) / "first", FIRST, at_a_time))
        last = taken(engine, await part(engine, Path(name) / "rest", episodes - FIRST, at_a_time))
    grown = []
    for what, before in first.items():
        most = before * MEMORY if what.startswith("resident") else before
        print(f"{what:14} {before:8} after {FIRST}  {last[what]:8} at the end")
        if last[what] > most:
            grown.append(what)
    print("grown: " + ", ".join(grown) if grown else "nothing has grown")
    return 1 if grown else 0


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    sys.exit(asyncio.run(main(*given, *[1000, 8][len(given) :])))
