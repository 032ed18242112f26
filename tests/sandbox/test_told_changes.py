"""Changes of files and limits in a real box are told by the call that asks, refused or not, and reading is not."""

import asyncio
import os
from typing import Any

import pytest

from sandbox.box import BoxRequest
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.files import FileSpec
from sandbox.limits import Limits

pytestmark = pytest.mark.box

ACTS = r"""
import ctypes, os, resource
libc = ctypes.CDLL(None, use_errno=True)
def act(call, *arguments):
    try: call(*arguments)
    except (OSError, ValueError): pass
open("/logs/a", "w").close()
os.symlink("/logs/a", "near")
open("near", "a").close()
act(open, "/etc/hosts", "w")
os.chdir("/logs")
os.link("a", "b")
os.rename("b", "c")
os.chmod("c", 0o600)
os.fchmod(os.open("c", os.O_RDONLY), 0o644)
act(os.truncate, "c", 1)
os.unlink("c")
def how(flags): return ctypes.byref((ctypes.c_uint64 * 3)(flags, 0, 0))
libc.syscall(437, -100, b"a", how(os.O_WRONLY), 24)
libc.syscall(437, -100, b"a", how(os.O_RDONLY), 24)
open("/work/guarded", "w").close()
open("/work/free", "w").close()
open("/proc/self/root/work/guarded", "w").close()
os.makedirs("/work/b/systemd/user")
open("/work/b/systemd/user/x.service", "w").close()
os.rename("/work/b", "/work/.config")
os.rename("/work/.config", "/work/other")
os.chdir("/usr/bin")
if os.fork() == 0: os.execv("./true", ["x"])
os.wait()
os.chdir("/logs")
os.utime("a", ns=(7, os.stat("a").st_mtime_ns))
os.utime("/work/free", (1, 2))
os.utime(os.open("/work/guarded", os.O_RDONLY), (1, 2))
os.utime("near", (1, 2), dir_fd=os.open("/work", os.O_RDONLY))
os.utime("/work/near", (1, 2), follow_symlinks=False)
open("a").read(); open("/etc/hosts").read(); open("/work/guarded").read(); os.stat("a")
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
act(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard + 1))
"""


def test_changes_outside_of_the_workspace_and_of_what_is_guarded_are_told(engine: Engine, image: str) -> None:
    told: list[dict[str, Any]] = []

    async def main() -> None:
        name = f"tidegauge-changes-{os.getpid()}"
        asked = BoxRequest(name, Limits(), False, {"owner": "changes", "episode": name})
        async with DockerBoxes(engine, image=image).open(asked) as box:
            box.guard(["/work/guarded"], [], [])
            assert box.sensors["opened"] is None
            ran = await box.run(
                ["/usr/bin/python3", "-c", ACTS],
                cwd="/work",
                env={"HOME": "/work"},
                output=65_536,
                timeout=100,
            )
            assert (ran.code, ran.stderr) == (0, b"")
            await box.kill_all()
            told.extend(seen.data for seen in box.drain())
            assert box.lost["notify"] == 0

    asyncio.run(main())
    assert [(data["call"], data["path"], data["to"]) for data in told if "to" in data] == [
        ("truncate", "/logs/a", None), ("open", "/logs/a", None), ("truncate", "/etc/hosts", None),
        ("link", "/logs/a", "/logs/b"), ("rename", "/logs/b", "/logs/c"), ("chmod", "/logs/c", None),
        ("chmod", "/logs/c", None),
        ("truncate", "/logs/c", None), ("unlink", "/logs/c", None), ("open", "/logs/a", None),
        ("truncate", "/work/guarded", None), ("truncate", "/work/guarded", None), ("rename", "/work/b", "/work/.config"),
        ("times", "/work/guarded", None), ("times", "/logs/a", None),
    ]  # fmt: skip
    assert "/usr/bin/true" in [data.get("path") for data in told]
    limits = [data for data in told if "resource" in data]
    assert [(data["resource"], data["asked"] - data["granted"]) for data in limits] == [("nofile", 1)]


READ = r"""
import os
place = "/work/guarded"
open(place, "w").write("a")
open(place, "a").write("b")
file = open(place, "r+"); file.write("c"); file.flush(); os.system("true"); file.close()
os.unlink(place)
os.mkfifo(place)
os.unlink(place)
os.symlink("/etc/passwd", place)
os.unlink(place)
"""


def test_a_file_of_limits_is_read_before_each_change_and_where_a_program_starts_meanwhile(
    engine: Engine, image: str
) -> None:
    told: list[tuple[str, str | None]] = []

    async def main() -> None:
        name = f"tidegauge-readings-{os.getpid()}"
        asked = BoxRequest(name, Limits(), False, {"owner": "changes", "episode": name})
        async with DockerBoxes(engine, image=image).open(asked) as box:
            box.guard(["/work/guarded"], ["/work/guarded"], [])
            ran = await box.run(
                ["/usr/bin/python3", "-c", READ],
                cwd="/work",
                env={"HOME": "/work"},
                output=65_536,
                timeout=100,
            )
            assert (ran.code, ran.stderr) == (0, b"")
            await box.kill_all()
            told.extend(
                (seen.kind, seen.data.get("text", seen.data.get("call")))
                for seen in box.drain()
                if seen.kind in ("file.change", "guard.reading")
            )

    asyncio.run(main())
    assert told == [
        ("guard.reading", None), ("file.change", "truncate"), ("guard.reading", "a"), ("file.change", "open"),
        ("guard.reading", "ab"), ("file.change", "open"), ("guard.reading", "cb"),
        ("guard.reading", "cb"), ("file.change", "unlink"), ("guard.reading", None), ("file.change", "unlink"),
        ("guard.reading", None), ("file.change", "symlink"),  # that it goes is told before its every doubling alone
    ]  # fmt: skip


#: Loosened and put back through one descriptor, replaced, and the new file written to in the same way, then through a
#: mapping that has no descriptor any more; each text stands until the host has told that it was seen.
WRITTEN = r"""
import fcntl, itertools, mmap, os, time
seen = itertools.count(1)
def wait():
    place = f"/work/seen{next(seen)}"
    while not os.path.exists(place): time.sleep(0.01)
for text in (b"b", b"d"):
    with open("/work/guarded", "rb+", buffering=0) as file:
        try: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)  # from outside it would read as gone
        except PermissionError: before = file.read()
        os.pwrite(file.fileno(), text, 0); wait()
        os.pwrite(file.fileno(), before, 0); wait()
    if text == b"b":
        open("/work/new", "w").write("c"); os.rename("/work/new", "/work/guarded"); wait()
with open("/work/guarded", "rb+") as file: memory = mmap.mmap(file.fileno(), 0)
time.sleep(1.5)
for text in (b"e", b"c"):
    memory[:] = text; wait()
"""


def test_how_a_file_of_limits_reads_between_two_writes_is_told_whatever_file_it_is(
    engine: Engine, image: str
) -> None:
    told: list[str | None] = []

    async def main() -> None:
        name = f"tidegauge-written-{os.getpid()}"
        asked = BoxRequest(name, Limits(), False, {"owner": "changes", "episode": name})
        async with DockerBoxes(engine, image=image).open(asked) as box:
            await box.put("/work", [FileSpec("guarded", b"a")])
            box.guard(["/work/guarded"], ["/work/guarded"], [])
            argv = ["/usr/bin/python3", "-c", WRITTEN]
            running = asyncio.create_task(
                box.run(argv, cwd="/work", env={"HOME": "/work"}, output=65_536, timeout=100)
            )
            while not running.done():
                for seen in box.drain():
                    if seen.kind == "guard.written":
                        told.append(seen.data["text"])
                        await box.put("/work", [FileSpec(f"seen{len(told)}", b"")])
                await asyncio.sleep(0.01)
            ran = await running
            assert (ran.code, ran.stderr) == (0, b"")
            assert box.lost["opened"] == 0

    asyncio.run(main())
    assert told == ["b", "a", "c", "d", "c", "e", "c"]
