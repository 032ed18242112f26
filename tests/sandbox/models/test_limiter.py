"""One rate limit for all processes of a host: kept, fair, and let go of by the dead."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.errors import ModelFault
from sandbox.models.limiter import RateLimiter, shared_file
from sandbox.models.rate import Rate

#: A process that makes requests of some milliseconds and says when each began and ended.
PROGRAM = """
import asyncio, json, sys, time
from pathlib import Path
from sandbox.models.limiter import RateLimiter
from sandbox.models.rate import Rate
file, rate, requests, seconds = json.loads(sys.argv[1])
async def main():
    limiter = RateLimiter(Rate(**rate), Path(file))
    async def one(client):
        async with limiter.admitted(client, 1):
            began = time.monotonic()
            print("in", flush=True)
            await asyncio.sleep(seconds)
            print(json.dumps([began, time.monotonic()]), flush=True)
    await asyncio.gather(*(one(client % 2) for client in range(requests)))
asyncio.run(main())
"""


def start(file: Path, rate: dict[str, int], requests: int, seconds: float) -> subprocess.Popen[str]:
    told = json.dumps([str(file), rate, requests, seconds])
    return subprocess.Popen([sys.executable, "-Ic", PROGRAM, told], stdout=subprocess.PIPE, text=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rate"


async def first(limiter: RateLimiter, client: int = 1) -> None:
    """Until a request may go."""
    async with limiter.admitted(client, 1):
        pass


def test_a_waiter_that_gives_up_makes_room_for_the_next(file: Path) -> None:
    async def main() -> list[int]:
        limiter = RateLimiter(Rate(concurrency=1), file)
        order: list[int] = []
        go_on = asyncio.Event()

        async def call(client: int) -> None:
            async with limiter.admitted(client, 1):
                order.append(client)
                await go_on.wait()

        one, other, third = (asyncio.create_task(call(client)) for client in (1, 2, 3))
        while not order:
            await asyncio.sleep(0.005)
        other.cancel()
        go_on.set()
        await asyncio.gather(one, other, third, return_exceptions=True)
        return order

    assert asyncio.run(main()) == [1, 3]


def test_processes_share_the_requests_at_a_time(file: Path) -> None:
    processes = [start(file, {"concurrency": 2}, 6, 0.02) for _ in range(3)]
    spans = [
        json.loads(line) for one in processes for line in one.communicate()[0].splitlines() if line != "in"
    ]
    assert len(spans) == 18
    for began, _ in spans:
        assert sum(other <= began < ended for other, ended in spans) <= 2


def test_what_a_killed_process_held_is_free_for_the_others(file: Path) -> None:
    holder = start(file, {"concurrency": 1}, 2, 60)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "in\n"

    async def main() -> None:
        limiter = RateLimiter(Rate(concurrency=1), file)
        waiting = asyncio.create_task(first(limiter))
        done, _ = await asyncio.wait([waiting], timeout=0.15)
        assert not done
        holder.send_signal(signal.SIGKILL)
        await asyncio.wait_for(waiting, 60)

    asyncio.run(main())
    holder.communicate()


@pytest.mark.parametrize("same", [True, False], ids=["who asks", "all"])
def test_a_pause_that_one_asks_for_holds_for(file: Path, same: bool) -> None:
    async def main() -> float:
        began = time.monotonic()
        asking = RateLimiter(Rate(), file)
        asking.pause(0.2)
        await first(asking if same else RateLimiter(Rate(), file))
        return time.monotonic() - began

    assert asyncio.run(main()) >= 0.19


def test_requests_of_an_earlier_loop_count_in_the_window(file: Path) -> None:
    clock = itertools.count(100.0, 0.001).__next__

    async def main(seconds: float) -> bool:
        waiting = asyncio.create_task(first(RateLimiter(Rate(requests=2), file, clock)))
        done, _ = await asyncio.wait([waiting], timeout=seconds)
        waiting.cancel()
        await asyncio.wait([waiting])
        return bool(done)

    assert [asyncio.run(main(seconds)) for seconds in (60, 60, 0.12)] == [True, True, False]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"[1,2]", b"{}", b'[0,0,[["a"]],[],[]]', b"\xff"])
def test_a_file_that_cannot_be_read_is_begun_anew(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    async def main() -> None:
        # Not anew, it would wait for the minute to end.
        await asyncio.wait_for(first(RateLimiter(Rate(requests=1), file)), 30)

    asyncio.run(main())


def test_who_waits_is_not_forgotten_with_a_lost_file(file: Path) -> None:
    async def main() -> None:
        limiter = RateLimiter(Rate(concurrency=1), file)
        async with limiter.admitted(1, 1):
            waiting = asyncio.create_task(first(limiter, 2))
            await asyncio.sleep(0.01)
            file.unlink()
            await asyncio.wait_for(waiting, 30)

    asyncio.run(main())


def test_a_place_that_cannot_be_written_is_a_named_fault(tmp_path: Path) -> None:
    with pytest.raises(
        ModelFault, match=r"the shared rate limit cannot be kept \(No such file or directory\)"
    ):
        asyncio.run(first(RateLimiter(Rate(), tmp_path / "gone" / "rate")))


def test_the_file_says_which_endpoint_it_is_of_only_to_who_knows_it() -> None:
    files = {
        shared_file(address, key, rate)
        for address in ("http://a/v1", "http://b/v1")
        for key in (None, "KEY")
        for rate in (Rate(), Rate(requests=1))
    }
    assert len(files) == 8
    assert all("http" not in str(one) and "KEY" not in str(one) for one in files)


def test_files_that_nobody_used_for_a_day_are_cleared_away() -> None:
    old = shared_file("http://old/v1", None, Rate())
    fresh = shared_file("http://fresh/v1", None, Rate())
    for file in (old, fresh):
        file.write_bytes(b"")
    os.utime(old, (0, 0))
    shared_file.cache_clear()
    shared_file("http://another/v1", None, Rate())
    assert (old.exists(), fresh.exists()) == (False, True)
    fresh.unlink()
