"""A real box: what the agent's programs can do in it, and what they cannot."""

import asyncio
import os
import platform
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox.box import BoxRequest, Completed
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBox, DockerBoxes
from sandbox.engine.reaper import sweep
from sandbox.errors import BoxDied
from sandbox.files import FileSpec
from sandbox.limits import Limits
from sandbox.sensors.filters import MACHINES

pytestmark = pytest.mark.box

#: Of this process: another checkout's tests may run beside it on the same engine.
OWNER = f"test-{os.getpid()}"

Work = Callable[[DockerBox], Awaitable[None]]


@pytest.fixture
def in_box(engine: Engine, image: str, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Runs a coroutine function in a fresh box."""

    def run(work: Work, limits: Limits | None = None) -> None:
        async def main() -> None:
            name = f"tidegauge-{OWNER}-{abs(hash(request.node.nodeid)) % 10**10}"
            asked = BoxRequest(name, limits or Limits(), False, {"owner": OWNER, "episode": name})
            async with DockerBoxes(engine, image=image).open(asked) as box:
                await work(box)

        asyncio.run(main())
        assert engine.owned(OWNER) == {}

    return run


async def shell(box: DockerBox, command: str, timeout: float = 120) -> Completed:
    return await box.run(
        ["bash", "-c", command], cwd="/work", env={"HOME": "/work"}, output=65_536, timeout=timeout
    )


def test_python_numpy_threads_subprocess_gcc_and_git_work(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        done = await shell(box, """
            set -e
            python -c 'import numpy, scipy, sklearn, threading, subprocess; print(numpy.arange(3).sum())'
            python3 -c 'import threading; t = threading.Thread(target=print, args=("thread",)); t.start(); t.join()'
            python3 -c 'import subprocess; print(subprocess.run(["echo", "child"], capture_output=True).stdout)'
            echo 'int main(){return 7;}' > a.c && gcc a.c -o a && (./a || echo $?)
            python3 -c 'import getpass, os, pwd; assert pwd.getpwuid(os.getuid()).pw_dir == os.path.expanduser("~")'
            python3 -c 'import multiprocessing as m; p = m.Process(target=print); p.start(); p.join(); print(p.exitcode)'
            git init -q r && cd r && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && git log --format=%s
        """)  # fmt: skip
        assert (done.code, done.stdout.split()) == (0, [b"3", b"thread", b"b'child\\n'", b"7", b"0", b"x"])

    in_box(work)


def test_an_attempt_to_get_out_is_refused(in_box: Callable[..., None]) -> None:
    attempts = [
        ("kill -9 1", "Operation not permitted"),
        ("cat /proc/1/environ", "Permission denied"),
        ("ls /proc/1/fd", "Permission denied"),
        ("touch /etc/x", "Read-only file system"),
        ("touch /opt/tidegauge/x", "Read-only file system"),
        ("unshare -U true", "Operation not permitted"),
        ("mount -t tmpfs x /work", "must be superuser"),
        ("cat /run/control.sock", "No such device or address"),
        ("python3 -c 'import socket; socket.socket(40, 1, 0)'", "PermissionError"),
        (
            "python3 -c 'import socket; socket.create_connection((\"8.8.8.8\", 53), 2)'",
            "Network is unreachable",
        ),
        ("python3 -c 'import socket; socket.socket(2, 1, 262)'", "PermissionError"),  # MPTCP
        ("touch /dev/mqueue/x", "Read-only file system"),
        ("cat /proc/1/mem", "Permission denied"),
        ("python3 -c 'import os; os.memfd_create(\"x\")'", "PermissionError"),
        (
            "python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect(\"/run/control.sock\")'",
            "ConnectionRefusedError",
        ),
        # To be asked about its own calls: one with no pointer at all would be a bad address.
        (
            f"python3 -c 'import ctypes as c, os; l = c.CDLL(None, use_errno=True); "
            f"l.syscall({MACHINES[platform.machine()].seccomp}, 1, 8, 0); exit(os.strerror(c.get_errno()))'",
            "Device or resource busy",
        ),
    ]

    async def work(box: DockerBox) -> None:
        for attempt, refusal in attempts:
            done = await shell(box, attempt)
            assert done.code not in (0, None), attempt
            assert refusal in done.stderr.decode(), attempt

    in_box(work)


def test_a_program_has_no_capability_no_new_privileges_and_no_way_back(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        done = await shell(
            box,
            "id -un; grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status; cat /proc/self/oom_score_adj",
        )
        assert done.stdout.split() == [
            b"agent", b"CapEff:", b"0" * 16, b"CapBnd:", b"0" * 16, b"NoNewPrivs:", b"1", b"Seccomp:", b"2", b"500",
        ]  # fmt: skip
        setuid = await shell(box, "find / -xdev -perm /6000 -type f 2>/dev/null | wc -l")
        assert setuid.stdout.strip() == b"0"

    in_box(work)


def test_each_box_has_an_agent_of_its_own_that_shares_no_count_of_the_kernel(
    engine: Engine, image: str
) -> None:
    # Eats all inotify instances that one user may have.
    hog = "import ctypes, time; f = ctypes.CDLL(None).inotify_init; n = 0\nwhile f() >= 0: n += 1\nprint(n, flush=True)"

    async def main() -> None:
        boxes = DockerBoxes(engine, image=image)

        def asked(name: str) -> BoxRequest:
            return BoxRequest(f"tidegauge-{OWNER}-{name}", Limits(), False, {"owner": OWNER, "episode": name})

        async with boxes.open(asked("u1")) as one, boxes.open(asked("u2")) as two:
            uids = [int((await shell(box, "id -u")).stdout) for box in (one, two)]
            assert uids[0] != uids[1]
            assert {20_000 <= uid < 24_096 for uid in uids} == {True}
            await shell(
                one,
                f"(setsid python3 -c '{hog}; time.sleep(100)' > n &); until [ -s n ]; do sleep 0.05; done",
            )
            assert (await shell(two, f"python3 -c '{hog}'")).stdout == (await one.read("/work", ["n"])).files[
                "n"
            ]

    asyncio.run(main())


def test_a_box_knows_itself_by_name_and_asks_its_own_loopback_for_all_others(
    in_box: Callable[..., None],
) -> None:
    async def work(box: DockerBox) -> None:
        done = await shell(box, "getent hosts localhost box; cat /etc/resolv.conf")
        assert done.stdout.splitlines() == [
            b"::1             localhost ip6-localhost ip6-loopback",
            b"127.0.1.1       box",
            b"nameserver 127.0.0.1",
        ]

    in_box(work)


#: Every process of it goes on; a shell that is refused a child may wait for long, or end.
BOMB = """
import os
while True:
    try: os.fork()
    except OSError: open("refused", "w")
"""


def test_a_fork_bomb_is_bounded_seen_and_swept_away(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        assert (await shell(box, f"setsid python3 -c '{BOMB}' & until [ -e refused ]; do :; done")).code == 0
        assert (await box.kill_all()).processes > 0
        assert (box.usage().refused_processes or 0) > 0
        assert (await shell(box, "echo alive")).stdout == b"alive\n"

    in_box(work, Limits(processes=32))


def test_a_memory_bomb_kills_the_bomb_and_not_the_runner(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        done = await shell(box, "python3 -c 'x = bytearray(10**9)'; echo $?")
        assert done.stdout.strip() == b"137"
        assert box.usage().oom_kills == 1

    in_box(work, Limits(memory=128 * 2**20))


def test_a_full_disk_refuses_and_is_reported(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        done = await shell(box, "head -c 100M /dev/zero > big; sleep 0.3")
        assert "No space left" in done.stderr.decode()
        reports = [seen async for seen in _until(box, "disk.full")]
        assert reports[-1].data["path"] == "/work"

    in_box(work)


async def _until(box: DockerBox, kind: str):  # type: ignore[no-untyped-def]
    async for seen in box.watch():
        yield seen
        if seen.kind == kind:
            return


def test_output_beyond_the_grant_is_cut(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        done = await box.run(["bash", "-c", "yes"], cwd="/work", env={}, output=1000, timeout=60)
        assert (done.truncated, len(done.stdout)) == (True, 1000)

    in_box(work)


def test_a_program_past_its_time_is_ended_with_its_children(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        with pytest.raises(TimeoutError):
            await shell(box, "trap '' TERM; (setsid sleep 1000 &); sleep 1000", timeout=0.5)
        assert (await shell(box, "pgrep sleep | wc -l; ps 2>/dev/null | grep -c sleep")).stdout.split()[
            0
        ] == b"0"

    in_box(work)


def test_collection_takes_regular_files_and_names_what_it_leaves(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        await shell(box, "echo good > good; ln -s /etc/passwd link; mkfifo fifo; truncate -s 60M sparse; "
                         "printf x > $'bad\\nname'; mkdir -p d; echo deep > d/file; chmod 0 d/file")  # fmt: skip
        taken = await box.collect("/work", max_bytes=1000, max_files=10)
        assert taken.files == {"good": b"good\n", "d/file": b"deep\n"}
        assert dict(taken.left) == {
            "link": "not a regular file", "fifo": "not a regular file", "sparse": "too large",
            "bad\nname": "control characters or bytes in the name",
        }  # fmt: skip

    in_box(work)


def test_a_manifest_tells_links_modes_and_contents(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        await box.put("/agent", [FileSpec("tools/a.py", b"x = 1\n", 0o755)])
        await shell(box, "ln -s /etc/passwd /agent/link")
        manifest = await box.manifest("/agent")
        assert manifest.incomplete is None
        assert manifest.entries == (
            ("link", "link", 0o777, 11, "/etc/passwd"),
            ("tools", "dir", 0o755, 0, None),
            (
                "tools/a.py",
                "file",
                0o755,
                6,
                "9e26bf369911c45c243c684147b23fc9e1dcfcf257d299a1c632016a6fcd33f4",
            ),
        )

    in_box(work)


def test_a_box_killed_from_outside_is_dead_at_once_and_the_engine_says_why(
    in_box: Callable[..., None], engine: Engine
) -> None:
    async def work(box: DockerBox) -> None:
        running = asyncio.create_task(shell(box, "sleep 100", timeout=100))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(engine.remove, box.container)
        with pytest.raises(BoxDied):
            await asyncio.wait_for(running, 60)
        await box.fate.settled(60)
        assert box.fate.host_evidence == "the container was killed from outside"

    in_box(work)


def test_the_sensors_prove_themselves_when_a_box_opens(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        assert box.sensors == {
            "cgroup": None,
            "runner": None,
            "notify": None,
            "dns": "the box has no door",
            "files": "no scaffold was laid out",
            "callers": None,
            "opened": "nothing was guarded",
        }
        await shell(box, "sleep 0.3")
        argv = [seen.data["argv"] async for seen in _until(box, "program.exit") if seen.kind == "process"]
        assert ["sleep", "0.3"] in argv or ["bash", "-c", "sleep 0.3"] in argv

    in_box(work)


ASKING = """
import socket, time
listening = socket.create_server(("127.0.0.1", 8000))
asking = socket.create_connection(("127.0.0.1", 8000))
time.sleep(60)
"""


def test_who_holds_a_connection_to_the_door_is_named_and_the_boxs_own_processes_are_not(
    in_box: Callable[..., None],
) -> None:
    async def work(box: DockerBox) -> None:
        assert box.callers(8000) == []
        asking = asyncio.create_task(
            box.run(["python3", "-c", ASKING], cwd="/work", env={}, output=1_000, timeout=60)
        )
        started = [seen.data["pid"] async for seen in _until(box, "program.start")]
        while not (callers := box.callers(8000)):
            await asyncio.sleep(0.01)
        assert callers == started[-1:]
        await box.kill_all()
        await asking
        assert box.callers(8000) == []

    in_box(work)


#: The starter asks from one end; its child, which holds none of that, from two that differ from it in one part each.
TWO_ASKING = """
import os, socket, time
listening = socket.create_server(("127.0.0.1", 8000))
child = os.fork() == 0
ends = [("127.0.0.1", 30002), ("127.0.0.2", 30001)] if child else [("127.0.0.1", 30001)]
asking = [socket.create_connection(("127.0.0.1", 8000), source_address=end) for end in ends]
time.sleep(60)
"""


def test_who_holds_one_connection_is_told_from_who_holds_another(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        asking = asyncio.create_task(
            box.run(["python3", "-c", TWO_ASKING], cwd="/work", env={}, output=1_000, timeout=60)
        )
        (starter,) = [seen.data["pid"] async for seen in _until(box, "program.start")]
        ends = ("127.0.0.1", 30001), ("127.0.0.1", 30002), ("127.0.0.2", 30001), ("127.0.0.2", 30002)
        while len(box.callers(8000) or ()) < 2 or not box.callers(8000, ends[2]):
            await asyncio.sleep(0.01)
        (child,) = set(box.callers(8000) or ()) - {starter}
        assert [box.callers(8000, end) for end in ends] == [[starter], [child], [child], []]
        await box.kill_all()
        await asking

    in_box(work)


OTHER_RUNNER = """
import sys
from pathlib import Path
from sandbox.box import BoxRequest
from sandbox.engine.container import Engine
from sandbox.limits import Limits
from sandbox.sensors.filters import MACHINES
asked = BoxRequest("tidegauge-reap-c", Limits(), False, {"owner": "reap-c", "episode": "c"})
control = Path(sys.argv[2])
print(Engine().create(asked, image=sys.argv[1], runtime="runc", control=control, door=None), flush=True)
sys.stdin.read()
"""


def test_what_another_living_runner_of_the_run_holds_is_left_and_goes_once_it_died(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER_RUNNER, image, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert other.stdout is not None
        container = other.stdout.readline().strip()
        assert sweep(engine, "reap-c", closing=True) == []
        other.kill()
        other.wait()
        assert sweep(engine, "reap-c") == [container]
    finally:
        other.kill()
        other.communicate()


def test_the_reaper_takes_what_is_overdue_or_this_process_is_done_with_and_nothing_else(
    engine: Engine, image: str
) -> None:
    async def main() -> None:
        boxes = DockerBoxes(engine, image=image)

        def asked(owner: str, deadline: float) -> BoxRequest:
            return BoxRequest(
                f"tidegauge-{owner}", Limits(), False, {"owner": owner, "episode": owner}, deadline
            )

        async with boxes.open(asked(f"{OWNER}-a", 600)) as a, boxes.open(asked(f"{OWNER}-b", 10)) as b:
            assert sweep(engine, f"{OWNER}-a") == []
            assert sweep(engine, f"{OWNER}-a", closing=True) == [a.container]
            assert list(engine.owned(f"{OWNER}-b")) == [b.container]
            # Later than b's deadline, and earlier than that of any run beside this test.
            assert sweep(engine, now=time.time() + 15) == [b.container]

    asyncio.run(main())
