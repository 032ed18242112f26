"""A scaffold is not read again while nothing of it changed, and is whatever way it changed."""

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable

import pytest

from sandbox.box import BoxRequest
from sandbox.canonical import sha256
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBox, DockerBoxes
from sandbox.files import Entry, FileSpec, Manifest
from sandbox.limits import Limits
from sandbox.sensors import still
from sandbox.sensors.still import Still

pytestmark = pytest.mark.box

#: What an agent does before a manifest is taken and, in the same process, between that one and the next.
ACTS = """
import mmap, os, time

def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.001)

def say(name):
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))

os.chdir("/agent")
{before}
say("/work/ready")
wait_for("/work/go")
{after}
say("/work/done")
wait_for("/work/end")
for name in ("ready", "go", "done", "end"):
    os.unlink("/work/" + name)
"""
MAPPED = """
file = os.open("main.py", os.O_RDWR)
memory = mmap.mmap(file, 0)
os.close(file)
memory[0]
"""
#: A name of the file whose directory is gone, and with it the watch on that name.
BURIED = """
os.mkdir("d")
os.link("main.py", "d/x")
held = os.open("d/x", os.O_RDONLY)
os.unlink("d/x")
os.rmdir("d")
"""
DUG_OUT = 'file = os.open(f"/proc/self/fd/{held}", os.O_RDWR)\nmemory = mmap.mmap(file, 0)\nos.close(file)\n'
WRITTEN = b"y = 1\n"


@pytest.fixture(params=["seen by the host", "said by the box"])
def in_box(
    engine: Engine, image: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Runs a coroutine function in a fresh box with a scaffold of two files."""
    if request.param == "said by the box":
        monkeypatch.setattr(still, "MOST", 0)  # the scaffold is longer

    def run(work: Callable[[DockerBox], Awaitable[None]]) -> None:
        async def main() -> None:
            name = f"tidegauge-still-{os.getpid()}"
            asked = BoxRequest(name, Limits(), False, {"owner": "still", "episode": name})
            async with DockerBoxes(engine, image=image).open(asked) as box:
                await box.put("/agent", [FileSpec("main.py", b"x = 1\n"), FileSpec("tools/a.py", b"")])
                await work(box)

        asyncio.run(main())

    return run


async def until(box: DockerBox, path: str) -> None:
    while path not in (await box.read("/work", [path])).files:
        await asyncio.sleep(0.01)


async def acted(box: DockerBox, before: str, after: str) -> tuple[bool, str | None]:
    """Whether the box vouched that nothing changed by ``after``, and the digest that main.py had then."""
    program = ACTS.format(before=before, after=after)
    running = asyncio.create_task(
        box.run(["python3", "-c", program], cwd="/work", env={}, output=10_000, timeout=100)
    )
    await until(box, "ready")
    # Again: the host's own look begins with the box's word that nothing has changed since it watches.
    known = await box.manifest("/agent", await box.manifest("/agent"))
    await box.put("/work", [FileSpec("go", b"")])
    await until(box, "done")
    then = await box.manifest("/agent", known)
    await box.put("/work", [FileSpec("end", b"")])
    assert (await running).stderr == b""
    return then is known, next((entry[4] for entry in then.entries if entry[0] == "main.py"), None)


def test_a_scaffold_that_is_only_read_is_listed_once(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        reading = 'open("main.py").read(); os.listdir("tools"); os.stat("main.py")'
        assert await acted(box, reading, reading) == (True, sha256(b"x = 1\n"))

    in_box(work)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'open("main.py", "r+b").write(b"y")'),
        ('file = open("main.py", "r+b", buffering=0)', 'file.write(b"y")'),
        (MAPPED, 'memory[0] = ord("y")'),
        (MAPPED, 'memory[0] = ord("y"); memory.close()'),
        ("", MAPPED + 'memory[0] = ord("y")'),
        ("", MAPPED + 'memory[0] = ord("y"); memory.close()'),
        ('os.link("main.py", "tools/b.py")', 'open("tools/b.py", "r+b").write(b"y")'),
        (BURIED, DUG_OUT + 'memory[0]; memory[0] = ord("y"); memory.close()'),
        (BURIED, DUG_OUT + 'memory[0]; memory[0] = ord("y")'),
        ("", 'open("/work/new", "w").write("y = 1\\n"); os.truncate("main.py", 0); os.unlink("main.py");'
         'open("main.py", "w").write("y = 1\\n")'),
    ],
    ids=[
        "a write", "a descriptor held before", "a mapping held before", "a mapping held before, then closed",
        "a mapping", "a mapping, then closed", "another name", "a name that is gone",
        "a mapping by a name that is gone", "a file in its place",
    ],
)  # fmt: skip
def test_what_a_file_holds_is_read_again_however_it_was_written(
    in_box: Callable[..., None], before: str, after: str
) -> None:
    async def work(box: DockerBox) -> None:
        assert await acted(box, before, after) == (False, sha256(WRITTEN))

    in_box(work)


def test_names_kinds_and_modes_are_listed_again(in_box: Callable[..., None]) -> None:
    acts = [
        'os.chmod("main.py", 0o600)', 'os.mkdir("tools/d")', 'os.symlink("/work", "out")', 'os.mkfifo("tools/p")',
        'os.unlink("tools/a.py")', 'os.rename("tools", "kept")',
    ]  # fmt: skip

    async def work(box: DockerBox) -> None:
        for after in acts:
            assert await acted(box, "", after) == (False, sha256(b"x = 1\n")), after

    in_box(work)


def test_a_link_out_of_the_scaffold_is_its_target_and_not_what_lies_there(
    in_box: Callable[..., None],
) -> None:
    async def work(box: DockerBox) -> None:
        assert await acted(
            box, 'os.symlink("/work/out", "out")', 'open("/work/out", "w").write("y")'
        ) == (True, sha256(b"x = 1\n"))  # fmt: skip

    in_box(work)


def test_a_file_that_is_open_for_writing_is_read_at_every_call(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        assert await acted(box, 'file = open("main.py", "r+b")', "") == (False, sha256(b"x = 1\n"))

    in_box(work)


def test_the_host_sees_what_the_box_said_last_from_the_second_time_on_until_something_changes(
    in_box: Callable[..., None], request: pytest.FixtureRequest
) -> None:
    seen = "seen by the host" in request.node.name

    async def work(box: DockerBox) -> None:
        pid = int((await asyncio.to_thread(box_pid, box))[0])
        own = Still(pid, "/agent")
        listed = await box.manifest("/agent")
        assert not own.holds(listed)
        own.told(listed)
        assert not own.holds(listed)
        own.told(listed)
        assert [own.holds(listed) for _ in range(2)] == [seen, seen]
        await box.put("/agent", [FileSpec("tools/b.py", b"")])
        assert not own.holds(listed)
        own.told(listed)
        assert not own.holds(listed)
        own.close()

    in_box(work)


def test_a_writer_that_comes_while_the_host_looks_is_no_harm_to_the_host(
    in_box: Callable[..., None], request: pytest.FixtureRequest
) -> None:
    if "said by the box" in request.node.name:
        return  # nobody looks

    async def work(box: DockerBox) -> None:
        own, listed = (
            Still(int((await asyncio.to_thread(box_pid, box))[0]), "/agent"),
            await box.manifest("/agent"),
        )
        opening = "import os, time\nfor _ in range(150):\n    os.close(os.open('/agent/main.py', os.O_RDWR)); time.sleep(0.005)"
        running = asyncio.create_task(
            box.run(["python3", "-c", opening], cwd="/work", env={}, output=1_000, timeout=100)
        )
        # Whoever breaks a lease has its holder signalled; by default that ends it.
        while not running.done():
            own.told(listed)
            own.told(listed)
            while own.holds(listed) and not running.done():
                await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert (await running).code == 0
        own.close()

    in_box(work)


def box_pid(box: DockerBox) -> list[str]:
    """Its first process, by its number on this host."""
    return subprocess.run(
        ["docker", "inspect", "-f", "{{.State.Pid}}", box.container],
        check=True,
        text=True,
        capture_output=True,
    ).stdout.split()


@pytest.mark.parametrize(
    "entries",
    [(("main.py", "file", 0o644, 6, "a" * 64),), (("no/main.py", "file", 0o644, 6, "a" * 64),), (("\ud800", "dir", 0o755, 0, None),)],
    ids=["no such box", "no such directory", "no name"],
)  # fmt: skip
def test_where_nothing_can_be_seen_the_host_vouches_for_nothing(entries: tuple[Entry, ...]) -> None:
    listed, nowhere = Manifest(entries, mark=1), Still(2**22 + 1, "/agent")
    for _ in range(3):
        nowhere.told(listed)
        assert not nowhere.holds(listed)
