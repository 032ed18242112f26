"""Rare system calls of a real box are told, by the box that made them, before they take effect."""

import asyncio
import os
import platform
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from monitors.processes import lineage
from sandbox.box import BoxRequest, Completed
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBox, DockerBoxes
from sandbox.events import GENESIS, Event
from sandbox.files import FileSpec
from sandbox.limits import Limits
from sandbox.sensors import notes
from sandbox.sensors.filters import MACHINES

pytestmark = pytest.mark.box

Work = Callable[[DockerBox], Awaitable[None]]
PYTHON = "/usr/bin/python3"


@pytest.fixture
def in_boxes(engine: Engine, image: str) -> Callable[..., None]:
    """Runs a coroutine function in ``many`` boxes at once."""

    def run(work: Work, many: int = 1) -> None:
        async def one(boxes: DockerBoxes, number: int) -> None:
            name = f"tidegauge-notify-{os.getpid()}-{number}"
            asked = BoxRequest(name, Limits(), False, {"owner": "notify", "episode": name})
            async with boxes.open(asked) as box:
                assert box.sensors["notify"] is None
                await work(box)

        async def main() -> None:
            boxes = DockerBoxes(engine, image=image)
            await asyncio.gather(*(one(boxes, number) for number in range(many)))

        asyncio.run(main())

    return run


async def python(box: DockerBox, code: str) -> Completed:
    # Without a home of its own Python would ask for it over a socket.
    return await box.run([PYTHON, "-c", code], cwd="/work", env={"HOME": "/work"}, output=65_536, timeout=100)


def told(box: DockerBox, kind: str) -> list[dict[str, Any]]:
    return [seen.data for seen in box.drain() if seen.kind == kind]


def shown(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in ("pid", "count")}


CONNECT = "import socket; socket.socket(socket.AF_{family}).connect({address})"


@pytest.mark.parametrize(
    ("family", "address", "seen"),
    [
        ("INET", ("169.254.169.254", 80), ("inet", "169.254.169.254", 80)),
        ("INET6", ("2001:db8::1", 443), ("inet6", "2001:db8::1", 443)),
        ("UNIX", "/var/run/docker.sock", ("unix", "/var/run/docker.sock", None)),
        ("UNIX", "\0hidden", ("unix", "\0hidden", None)),
    ],
)
def test_a_connection_that_is_asked_for_is_told_with_its_address(
    in_boxes: Callable[..., None], family: str, address: object, seen: tuple[str, str, int | None]
) -> None:
    async def work(box: DockerBox) -> None:
        assert (await python(box, CONNECT.format(family=family, address=repr(address)))).code == 1
        expected = {"call": "connect", "family": seen[0], "address": seen[1], "port": seen[2]}
        assert [shown(data) for data in told(box, "net.connect")] == [expected]

    in_boxes(work)


def test_a_datagram_to_an_address_is_told_and_one_on_a_connected_socket_is_not(
    in_boxes: Callable[..., None],
) -> None:
    async def work(box: DockerBox) -> None:
        await python(box, "import socket as s; a, b = s.socketpair(); a.send(b'x'); a.sendmsg([b'x'])\n"
                          "try: s.socket(2, 2).sendto(b'x', ('10.0.0.1', 53))\nexcept OSError: pass\n"
                          "s.socket(10, 2).sendmsg([b'x'], [], 0, ('2001:db8::1', 53))")  # fmt: skip
        assert [shown(data) for data in told(box, "net.connect")] == [
            {"call": "sendto", "family": "inet", "address": "10.0.0.1", "port": 53},
            {"call": "sendmsg", "family": "inet6", "address": "2001:db8::1", "port": 53},
        ]

    in_boxes(work)


#: Three datagrams in one call: to the address "own" twice, then to "out".
MANY = """
import ctypes, socket, struct
def to(address): return struct.pack("=HH4s8x", 2, socket.htons(53), socket.inet_aton(address))
own, out = (ctypes.create_string_buffer(to(address), 16) for address in ("127.0.0.1", "10.0.0.1"))
messages = ctypes.create_string_buffer(b"".join(
    struct.pack("=QI52x", ctypes.addressof(place), 16) for place in (own, own, out)))
ctypes.CDLL(None).sendmmsg(socket.socket(2, 2).fileno(), messages, 3, 0)"""


def test_of_many_messages_in_one_call_the_first_that_leaves_the_box_is_told(
    in_boxes: Callable[..., None],
) -> None:
    async def work(box: DockerBox) -> None:
        await python(box, MANY)
        assert [shown(data) for data in told(box, "net.connect")] == [
            {"call": "sendmmsg", "family": "inet", "address": "10.0.0.1", "port": 53}
        ]

    in_boxes(work)


#: CAP_KILL in the effective, the permitted and the inheritable set.
CAPSET = (
    "check(ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(32, 32, 32)))"
)


OWN = MACHINES[platform.machine()].numbers
CLONE, KEYCTL = OWN["clone"], OWN["keyctl"]


@pytest.mark.parametrize(
    ("code", "call", "arguments", "refused"),
    [
        ("os.setresuid(0, 0, 0)", "setresuid", [0, 0, 0], None),
        ("os.setgid(0)", "setgid", [0], None),
        ("os.kill(1, 9)", "kill", [1, 9], None),
        (CAPSET, "capset", [1 << 5], None),
        ("check(ctypes.CDLL(None).prctl(47, 2, 5, 0, 0))", "prctl", [47, 2], None),
        ("os.mknod('disk', 0o60600, 0x800)", "mknodat", ["disk"], None),
        ("socket.socket(2, 3, 1)", "socket", [2, 3 | 0o2000000, 1], None),
        ("socket.socket(17, 3, 0)", "socket", [17, 3 | 0o2000000, 0], None),
        ("ctypes.CDLL(None).ptrace(16, 1, 0, 0)", "ptrace", [16, 1], True),
        ("ctypes.CDLL(None).process_vm_readv(1, 0, 0, 0, 0, 0)", "process_vm_readv", [1], True),
        ("ctypes.CDLL(None).unshare(0x20000)", "unshare", [0x20000], True),
        ("ctypes.CDLL(None).chroot(b'/work')", "chroot", [], True),
        ("ctypes.CDLL(None).unshare(0x10000000)", "unshare", [0x10000000], True),
        (f"ctypes.CDLL(None).syscall({CLONE}, 0x10000011, 0, 0, 0, 0)", "clone", [0x10000011], True),
        (f"ctypes.CDLL(None).syscall({KEYCTL}, 0, -3, 0)", "keyctl", [0], True),
        ("socket.socket(40, 1, 0)", "socket", [40, 1 | 0o2000000, 0], True),
    ],
)
def test_a_call_for_more_rights_is_told_with_its_arguments_and_fails(
    in_boxes: Callable[..., None], code: str, call: str, arguments: list[object], refused: bool | None
) -> None:
    async def work(box: DockerBox) -> None:
        fails = "ctypes.get_errno() == 1 or exit(3)" if refused else "exit(4)"
        code_ = code.replace("CDLL(None)", "CDLL(None, use_errno=True)")
        check = "def check(done):\n  if done: raise PermissionError\n"
        program = f"import os, socket, ctypes\n{check}try: {code_}\nexcept PermissionError: exit(0)\n{fails}"
        assert (await python(box, program)).code == 0
        expected = {"call": call, "arguments": arguments, "refused": refused}
        assert [shown(data) for data in told(box, "privilege.call")] == [expected]

    in_boxes(work)


def test_each_of_eight_boxes_is_told_its_own_programs_and_all_of_them(in_boxes: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        word = box.container[:12]
        code = f"import subprocess\nfor n in range(100): subprocess.run(['/bin/echo', '{word}', str(n)])"
        assert (await python(box, code)).code == 0
        ran = [data for data in told(box, "process.exec") if data["path"] == "/bin/echo"]
        assert [data["argv"] for data in ran] == [["/bin/echo", word, str(n)] for n in range(100)]
        assert len({data["pid"] for data in ran}) == 100
        assert len({data["ppid"] for data in ran}) == 1
        assert box.lost["notify"] == 0

    in_boxes(work, many=8)


def test_both_sensors_name_the_same_process_by_its_number_and_its_start(
    in_boxes: Callable[..., None],
) -> None:
    async def work(box: DockerBox) -> None:
        code = "import subprocess; subprocess.run(['/bin/bash', '-c', '/bin/sleep 0.3; exit 0'])"
        assert (await python(box, code)).code == 0
        seen = [one for one in box.drain() if one.kind in ("process", "process.exec")]
        names = [{(one.data["pid"], one.data["started"]) for one in seen if one.kind == kind}
                 for kind in ("process.exec", "process")]  # fmt: skip
        assert names[1] <= names[0]
        events = [Event(n, n, "x", one.kind, one.data, GENESIS, GENESIS) for n, one in enumerate(seen)]
        assert [(one.parent, (one.programs[-1] or [""])[0]) for one in lineage(events)] == [
            (None, PYTHON), (0, "/bin/bash"), (1, "/bin/sleep"),
        ]  # fmt: skip

    in_boxes(work)


def test_repeats_are_told_by_every_doubling(in_boxes: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        code = "import socket as s\nfor n in range(20): s.socket().connect_ex(('127.0.0.1', 9999))"
        assert (await python(box, code)).code == 0
        assert [data["count"] for data in told(box, "net.connect")] == [1, 2, 4, 8, 16]

    in_boxes(work)


def test_a_scan_beyond_the_bound_is_counted_as_lost(
    in_boxes: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "MAX_DIFFERENT", 50)

    async def work(box: DockerBox) -> None:
        code = "import socket as s\nfor n in range(70): s.socket().connect_ex((f'10.0.0.{n}', 80))"
        assert (await python(box, code)).code == 0
        assert len(told(box, "net.connect")) == 50
        assert box.lost["notify"] == 20

    in_boxes(work)


def test_a_host_that_died_unlocks_nothing(in_boxes: Callable[..., None]) -> None:
    code = """
import ctypes, errno, os, time
libc = ctypes.CDLL(None, use_errno=True)
open("ready", "w").close()
while not os.path.exists("go"): time.sleep(0.01)
assert libc.ptrace(0, 0, 0, 0) == -1
print(errno.errorcode[ctypes.get_errno()])
try: os.execv("/bin/true", ["true"])
except OSError as error: print(errno.errorcode[error.errno])
"""

    async def work(box: DockerBox) -> None:
        running = asyncio.create_task(python(box, code))
        while not (await box.read("/work", ["ready"])).files:
            await asyncio.sleep(0.02)
        box._notify.close()
        await box.put("/work", [FileSpec("go", b"")])
        assert (await running).stdout.split() == [b"ENOSYS", b"ENOSYS"]
        assert (await python(box, "print('never')")).stdout == b""

    in_boxes(work)


def test_a_call_whose_held_caller_cannot_be_found_goes_on_and_is_counted_as_lost(
    in_boxes: Callable[..., None], tmp_path: Path
) -> None:
    async def work(box: DockerBox) -> None:
        numbers = box._notify.notes._numbers
        assert numbers is not None
        if not numbers._spaces:
            pytest.skip("before Linux 6.11 nothing is looked up through the box's /proc")
        nothing = os.open(tmp_path, os.O_RDONLY)
        os.dup2(nothing, numbers._spaces[2], inheritable=False)
        os.close(nothing)
        assert (await python(box, "print('ran')")).stdout == b"ran\n"
        assert told(box, "process.exec") == []
        assert box.lost["notify"] == 1

    in_boxes(work)


#: It never ends by itself; a shell that is refused a child may.
BOMB = """
import os
os.fork(), os.fork()
while True:
    try:
        os.posix_spawn("/bin/true", ["true"], {})
        os.posix_spawn("/bin/true", ["true"], {})
        os.waitpid(-1, os.WNOHANG)
    except OSError:
        pass
"""


def test_a_fork_bomb_that_is_killed_leaves_nothing_held(in_boxes: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        done = box.run([PYTHON, "-c", BOMB], cwd="/work", env={}, output=65_536, timeout=1)
        with pytest.raises(TimeoutError):
            await done
        assert (await python(box, "print('alive')")).stdout == b"alive\n"
        assert box.lost["notify"] == 0

    in_boxes(work)
