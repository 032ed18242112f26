"""What a hostile box costs the others: floods at one door, seen from the loop and from another box's door.

    .venv/bin/python -I benchmarks/door.py [KIND ...]

For each kind of flood, eight threads of another process attack one door for three seconds, while a well-behaved
client asks at a second door of the same loop. Prints how long the loop was kept from its other work, the
neighbour's round trip, this process's use of a processor and its memory; last figures in benchmarks/README.md.
"""

import asyncio
import contextlib
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from sandbox.door.budget import Budget
from sandbox.door.door import Door
from sandbox.event_log import EventLog
from sandbox.models.base import NO_TOOLS, ChatReply, ChatRequest

#: Runs in the attacking process: socket, kind, seconds.
ATTACK: Final = r"""
import socket, sys, threading, time
path, kind, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
def post(body):
    return b"POST /v1/chat/completions HTTP/1.1\r\nHost: d\r\nContent-Length: %d\r\n\r\n" % len(body) + body
said = b'{"role":"user","content":"x"}'
parts = b'{"role":"user","content":[' + b",".join([b'{"type":"text","text":"x"}'] * 900) + b"]}"
get = b"GET /v1/models HTTP/1.1\r\nHost: d\r\n\r\n"
KINDS = {
    "nothing": b"", "connect": b"", "requests": get, "calls": post(b'{"messages":[' + said + b"]}"),
    "nowhere": get.replace(b"/v1/models", b"/x"), "pipelined": get * 500,
    "text": post(b'{"messages":[' + said.replace(b"x", b"x" * (4 * 2**20 - 60)) + b"]}"),
    "objects": post(b'{"messages":[' + b"{}," * 190_000 + b"{}]}"),
    "numbers": post(b'{"messages":[' + said + b'],"z":[' + b"1.5e3," * 490_000 + b"1]}"),
    "parts": post(b'{"messages":[' + b",".join([parts] * 150) + b"]}"),
    "chunks": b"POST /v1/messages HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 4000
              + b"0\r\n\r\n",
}
def attack():
    while time.monotonic() < end:
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(5)
                sock.connect(path)
                while kind != "connect" and time.monotonic() < end:
                    sock.sendall(KINDS[kind])
                    if not sock.recv(2**20):
                        break
        except OSError:
            pass
end = time.monotonic() + seconds
if kind == "nothing":
    time.sleep(seconds)
else:
    threads = [threading.Thread(target=attack) for _ in range(8)]
    [one.start() for one in threads]
    [one.join() for one in threads]
"""
KINDS: Final = (
    "nothing", "connect", "requests", "calls", "nowhere", "pipelined", "text", "objects", "numbers", "parts",
    "chunks",
)  # fmt: skip
SECONDS: Final = 3.0
BODY: Final = b'{"messages":[{"role":"user","content":"x"}]}'
CALL: Final = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: d\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
)


class Ready:
    """Answers at once."""

    digest = "0" * 64
    tools = NO_TOOLS

    async def complete(self, request: ChatRequest) -> ChatReply:
        """Says ok."""
        return ChatReply("ok", 1, 1)


async def neighbour(path: Path, trips: list[float]) -> None:
    """A call every 20 ms over one connection."""
    reader, writer = await asyncio.open_unix_connection(path)
    while True:
        began = time.perf_counter()
        writer.write(CALL)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0]))
        trips.append(time.perf_counter() - began)
        await asyncio.sleep(0.02)


async def flood(kind: str, directory: Path) -> None:
    """One flood, and its line of figures."""
    trips: list[float] = []
    delays: list[float] = []
    async with contextlib.AsyncExitStack() as stack:
        doors = []
        for name in ("attacked", "other"):
            log = stack.enter_context(EventLog(directory / f"{kind}-{name}.jsonl"))
            door = Door(directory / name, Ready(), (), Budget(10**6, 10**12), log.append)
            doors.append(await stack.enter_async_context(door))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-Ic", ATTACK, str(directory / "attacked"), kind, str(SECONDS)
        )
        asking = asyncio.create_task(neighbour(directory / "other", trips))
        ended = asyncio.create_task(process.wait())
        wall, used = time.monotonic(), time.process_time()
        while not ended.done():
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            delays.append(time.perf_counter() - before - 0.001)
        share = (time.process_time() - used) / (time.monotonic() - wall)
        asking.cancel()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    delays.sort()
    trips.sort()
    told = [delays[int(len(delays) * 0.99)], delays[-1], trips[len(trips) // 2], trips[-1]]
    figures = " ".join(f"{1000 * one:10.1f}" for one in told)
    fault = "" if doors[0].fault is None else f"  {doors[0].fault}"
    print(f"{kind:10s} {figures} {share:10.2f} {memory:10.0f}{fault}", flush=True)


async def main(kinds: list[str]) -> None:
    """Each kind in turn."""
    print(
        f"{'flood':10s} {'loop p99':>10s} {'loop most':>10s} {'trip p50':>10s} {'trip most':>10s} {'processor':>10s} {'MiB most':>10s}"
    )
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        for kind in kinds:
            await flood(kind, Path(directory))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or list(KINDS)))
