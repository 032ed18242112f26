"""Calls that a real box's filter refuses are told by the kernel, as the calls of the box that made them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments.attempts.attempt import run_attempt
from experiments.attempts.check import spec_for
from experiments.record.records import LedgerLine
from sandbox.box import BoxRequest, Completed
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBox, DockerBoxes
from sandbox.engine.pool import WarmBoxes
from sandbox.limits import Limits
from sandbox.sensors import tracing
from tasks.task import select

pytestmark = [
    pytest.mark.box,
    pytest.mark.skipif(tracing.missing() is not None, reason=f"no kernel sensor: {tracing.missing()}"),
]

Work = Callable[[DockerBox, int], Awaitable[None]]
CALLS = "import ctypes, os, socket; libc = ctypes.CDLL(None)\n"


@pytest.fixture
def in_boxes(engine: Engine, image: str) -> Callable[..., None]:
    """Runs a coroutine function in ``many`` boxes at once, each with its number."""

    def run(work: Work, many: int = 1) -> None:
        async def one(boxes: DockerBoxes, number: int) -> None:
            name = f"tidegauge-kernel-{os.getpid()}-{number}"
            asked = BoxRequest(name, Limits(), False, {"owner": "kernel", "episode": name}, kernel=True)
            async with boxes.open(asked) as box:
                assert box.sensors["kernel"] is None
                await work(box, number)

        async def main() -> None:
            boxes = DockerBoxes(engine, image=image)
            await asyncio.gather(*(one(boxes, number) for number in range(many)))

        asyncio.run(main())

    return run


async def python(box: DockerBox, code: str) -> Completed:
    return await box.run(
        ["/usr/bin/python3", "-c", CALLS + code],
        cwd="/work",
        env={"HOME": "/work"},
        output=65_536,
        timeout=100,
    )


async def refused(box: DockerBox) -> list[dict[str, Any]]:
    await box.kill_all()
    return [seen.data for seen in box.drain() if seen.kind == "privilege.refused"]


def test_what_the_filter_refuses_is_told_with_its_process_and_argument(in_boxes: Callable[..., None]) -> None:
    code = """
libc.unshare(0x10000000)
libc.mount(0, 0, 0, 0, 0)
libc.syscall(321, 5, 0, 0)
try: socket.socket(40, 1, 0)
except OSError: pass
print(os.getpid())"""

    async def work(box: DockerBox, _: int) -> None:
        pid = int((await python(box, code)).stdout)
        shared = {"error": "EPERM", "pid": pid, "count": 1}
        assert await refused(box) == [
            {"call": "unshare", "argument": 0x10000000, **shared},
            {"call": "mount", "argument": None, **shared},
            {"call": "bpf", "argument": 5, **shared},
            {"call": "socket", "argument": 40, **shared},
        ]
        assert box.lost["kernel"] == 0

    in_boxes(work)


def test_what_is_refused_to_a_program_as_a_matter_of_course_is_not_told(
    in_boxes: Callable[..., None],
) -> None:
    code = """
import subprocess, threading
threading.Thread(target=print).start()
subprocess.run(["git", "init", "-q", "."])
for path in ("/root/x", "/proc/1/mem"):
    try: open(path)
    except OSError: pass
libc.vhangup()"""

    async def work(box: DockerBox, _: int) -> None:
        assert (await python(box, code)).code == 0
        assert await refused(box) == []

    in_boxes(work)


def test_repeats_are_told_by_every_doubling_and_each_family_of_sockets_apart(
    in_boxes: Callable[..., None],
) -> None:
    code = """
for _ in range(20): libc.unshare(0)
for family in (16, 16, 16, 40):
    try: socket.socket(family, 3, 15)
    except OSError: pass"""

    async def work(box: DockerBox, _: int) -> None:
        assert (await python(box, code)).code == 0
        told = [(data["call"], data["argument"], data["count"]) for data in await refused(box)]
        assert told == [
            ("unshare", 0, 1), ("unshare", 0, 2), ("unshare", 0, 4), ("unshare", 0, 8), ("unshare", 0, 16),
            ("socket", 16, 1), ("socket", 16, 2), ("socket", 40, 1),
        ]  # fmt: skip

    in_boxes(work)


def test_eight_boxes_at_once_are_each_told_of_their_own_calls(in_boxes: Callable[..., None]) -> None:
    async def work(box: DockerBox, number: int) -> None:
        assert (await python(box, f"for _ in range(50): libc.unshare({number + 1} << 26)")).code == 0
        told = [(data["argument"], data["count"]) for data in await refused(box)]
        assert told == [((number + 1) << 26, count) for count in (1, 2, 4, 8, 16, 32)]
        assert box.lost["kernel"] == 0

    in_boxes(work, many=8)


def test_a_box_that_gets_the_numbers_of_one_that_is_gone_begins_anew(in_boxes: Callable[..., None]) -> None:
    async def work(box: DockerBox, _: int) -> None:
        await python(box, "libc.unshare(0)")
        assert [data["count"] for data in await refused(box)] == [1]

    for _ in range(3):
        in_boxes(work)


def test_an_attempt_that_requires_the_sensor_has_its_escape_as_a_finding(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    script = tmp_path / "agent.yaml"
    script.write_text(yaml.safe_dump({"turns": ["```bash\nunshare -r true\n```", "```bash\nsubmit\n```"]}))
    spec = spec_for(select(["ml/tab@L0"])[0], "kernel", script, 0, str(tmp_path))
    spec = replace(spec, require_sensors=("kernel",), owner="kernel")

    async def main() -> LedgerLine:
        boxes = WarmBoxes(engine, image=image, spare=1)
        try:
            return await run_attempt(spec, boxes)
        finally:
            await boxes.close()

    line = asyncio.run(main())
    assert line.sensors["kernel"] == "up"
    # Two sensors tell of it, in either order.
    assert sorted((found.code, found.note) for found in line.findings) == [
        ("privilege.attempt", "run(unshare)"), ("privilege.attempt", "unshare(268435456)"),
    ]  # fmt: skip


def test_a_trace_that_ends_is_counted_as_a_loss_and_begun_again_for_the_next_box(
    in_boxes: Callable[..., None],
) -> None:
    async def work(box: DockerBox, _: int) -> None:
        os.kill(tracing.shared_trace()._process.pid, signal.SIGKILL)
        async with asyncio.timeout(60):
            while not box.lost["kernel"]:
                await asyncio.sleep(0.02)

    async def after(box: DockerBox, _: int) -> None:
        await python(box, "libc.unshare(0)")
        assert len(await refused(box)) == 1

    in_boxes(work)
    in_boxes(after)


def test_the_trace_ends_with_the_process_that_started_it() -> None:
    code = (
        "from sandbox.sensors import tracing; print(tracing.shared_trace()._process.pid, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-Ic", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as driver:
        assert driver.stdout is not None
        trace = Path("/proc", driver.stdout.readline().decode().strip(), "exe")
        assert trace.resolve().name.startswith("bpftrace")
        driver.kill()
    deadline = time.monotonic() + 60
    while trace.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not trace.exists()


def test_without_the_program_the_sensor_is_absent_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    trace = tracing.Trace()
    assert trace.absent == "there is no bpftrace"
