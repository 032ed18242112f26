"""What an agent does to stay unseen, and what is seen or told of it: in real boxes."""

import asyncio
import hashlib
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox.box import BoxRequest, Completed
from sandbox.door.budget import Budget
from sandbox.door.door import Door
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBox, DockerBoxes
from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from sandbox.limits import Limits

pytestmark = pytest.mark.box

Work = Callable[[DockerBox], Awaitable[None]]

#: Ends its first thread and goes on in another; the file grows while it lives.
HEADLESS = """
import ctypes, os, threading, time
def go_on():
    while True:
        with open("/work/alive", "a") as file:
            file.write("x")
        time.sleep(0.01)
threading.Thread(target=go_on).start()
ctypes.CDLL(None).syscall(60, 0)
"""
#: Asks for a write lease on one file of the scaffold, which whoever opens it would have to wait for.
LEASE = """
import fcntl, os, time
held = os.open("/agent/b.py", os.O_RDWR)
try:
    fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)
except PermissionError:
    open("/work/refused", "w").close()
open("/work/asked", "w").close()
time.sleep(1000)
"""


@pytest.fixture
def in_box(engine: Engine, image: str, tmp_path: Path) -> Callable[..., None]:
    """Runs a coroutine function in a fresh box."""

    def run(work: Work, limits: Limits | None = None) -> None:
        async def main() -> None:
            name = f"tidegauge-hostile-{tmp_path.name}"[:60]
            asked = BoxRequest(name, limits or Limits(), False, {"owner": "hostile", "episode": name})
            async with DockerBoxes(engine, image=image).open(asked) as box:
                await work(box)

        asyncio.run(main())

    return run


async def shell(box: DockerBox, command: str) -> Completed:
    return await box.run(["bash", "-c", command], cwd="/work", env={}, output=65_536, timeout=100)


def test_a_process_whose_first_thread_ended_is_ended_before_anything_is_collected(
    in_box: Callable[..., None],
) -> None:
    async def work(box: DockerBox) -> None:
        await box.put("/work", [FileSpec("headless.py", HEADLESS.encode())])
        await shell(
            box, "(setsid python3 headless.py &) ; until [ -s alive ]; do sleep 0.05; done; sleep 0.1"
        )
        killed = await box.kill_all()
        assert [argv for _, argv in killed.left] == [["python3"]]
        assert (killed.processes, box.lost) == (1, {"runner": 0, "dns": 0, "files": 0, "notify": 0})
        before = await box.read("/work", ["alive"])
        await asyncio.sleep(0.2)
        assert await box.read("/work", ["alive"]) == before

    in_box(work)


#: Forty processes that hold memory, killed and not waited for: the kernel takes a while over them.
KILLED = """
import os, signal, time
pids = []
for _ in range(40):
    ours, theirs = os.pipe()
    if not (pid := os.fork()):
        os.setsid()
        held = bytearray(8 << 20)
        os.write(theirs, b".")
        time.sleep(1000)
    os.read(ours, 1)
    pids.append(pid)
for pid in pids:
    os.kill(pid, signal.SIGKILL)
os._exit(0)
"""


def test_a_process_that_was_killed_and_has_not_gone_yet_is_not_left_running(
    in_box: Callable[..., None],
) -> None:
    async def work(box: DockerBox) -> None:
        assert (await box.run(["python3", "-c", KILLED], cwd="/work", env={}, output=0, timeout=60)).code == 0
        assert (await box.kill_all()).left == ()

    in_box(work)


def test_what_lies_too_deep_to_be_entered_is_told(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        await shell(box, "for top in /agent /work; do cd $top; for _ in $(seq 40); do mkdir d; cd d; done; "
                         "echo hidden > file; done")  # fmt: skip
        assert (await box.manifest("/agent")).incomplete == "a directory lies too deep"
        taken = await box.collect("/work", max_bytes=1000, max_files=10)
        assert taken.files == {}
        assert taken.left == (("/".join(["d"] * 33), "a directory that lies too deep"),)

    in_box(work)


def test_a_collection_that_stopped_looking_says_so(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        await shell(
            box, "python3 -c \"import os; [os.symlink('x', str(n)) for n in range(1100)]\"; echo late > z"
        )
        taken = await box.collect("/work", max_bytes=1000, max_files=10)
        assert len(taken.left) == 1001
        assert taken.left[-1] == ("/work", "more than 1000 entries are left")

    in_box(work)


def test_a_collection_takes_the_hosts_disk_and_not_its_memory(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        await shell(box, "head -c 24M /dev/urandom > big; sha256sum < big > digest; truncate -s 60M holes")
        tracemalloc.start()
        taken = await box.collect("/work", max_bytes=2**26, max_files=10)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 4 * 2**20
        assert taken.left == (("holes", "too large"),)
        assert hashlib.sha256(taken.files["big"]).hexdigest().encode() == taken.files["digest"].split()[0]

    in_box(work)


def test_a_lease_that_would_hide_a_file_is_refused(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        await box.put("/agent", [FileSpec(f"{name}.py", b"") for name in "abc"])
        await box.put("/work", [FileSpec("lease.py", LEASE.encode())])
        shown = await shell(
            box, "(setsid python3 lease.py &) ; until [ -e asked ]; do sleep 0.05; done; ls refused"
        )
        assert shown.stdout == b"refused\n"
        manifest = await box.manifest("/agent")
        assert [path for path, *_ in manifest.entries] == ["a.py", "b.py", "c.py"]
        assert manifest.incomplete is None

    in_box(work)


def test_a_pipe_in_the_place_of_a_file_is_refused_at_once(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        await shell(box, "mkfifo questions.json")
        with pytest.raises(BoxFault, match="could not be written"):
            await asyncio.wait_for(box.put("/work", [FileSpec("questions.json", b"[]")]), 60)

    in_box(work)


def test_a_writer_that_is_stopped_is_given_up_in_time(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        stop = (
            "import os\nopen('ready', 'w')\nwhile True:\n    try: os.kill(-1, 19)\n    except OSError: pass"
        )
        await box.put("/work", [FileSpec("stop.py", stop.encode())])
        stopping = asyncio.create_task(shell(box, "exec python3 stop.py"))
        while not (await box.read("/work", ["ready"])).files:
            await asyncio.sleep(0.05)
        with pytest.raises(BoxFault, match="could not be written"):
            # A writer may be done before it is stopped; not so all of them.
            for _ in range(100):
                await asyncio.wait_for(box.put("/work", [FileSpec("big", bytes(2**24))]), 60)
        assert (await box.kill_all()).processes >= 1
        await stopping

    in_box(work)


def test_the_memory_killer_takes_the_agents_processes_and_not_the_way_to_the_door(
    engine: Engine, image: str
) -> None:
    # Each smaller than the forwarder, so that size alone would single it out; together too large.
    many = "for _ in $(seq 60); do (x=$(head -c 1M /dev/zero | tr '\\0' x); sleep 100) & done; wait"
    forwarder = "grep -lE '^Uid:.1001' /proc/[0-9]*/status 2>/dev/null"

    async def main() -> None:
        limits = Limits(memory=48 * 2**20, disk=2**20, processes=250)
        asked = BoxRequest("tidegauge-hostile-door", limits, True, {"owner": "hostile"}, 60)
        nothing = Budget(1, 1)
        async with (
            DockerBoxes(engine, image=image).open(asked) as box,
            Door(box.door, None, (), nothing, lambda *_: None),
        ):
            before = (await shell(box, forwarder)).stdout
            eating = asyncio.create_task(shell(box, many))
            while (box.usage().oom_kills or 0) < 10:
                await asyncio.sleep(0.05)
            await box.kill_all()
            await eating
            assert before.startswith(b"/proc/")
            assert (await shell(box, forwarder)).stdout == before

    asyncio.run(main())


def test_no_memory_outlives_the_processes_that_took_it(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        done = await shell(box, "ipcmk --shmem 1000000 2>&1; ipcmk --semaphore 4 2>&1; ls /dev/shm")
        assert done.stdout.count(b"Operation not permitted") == 2

    in_box(work)
