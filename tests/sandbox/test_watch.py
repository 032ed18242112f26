"""What changes under /agent is told as it changes, also where nothing of it is left to see."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sandbox.box import BoxRequest
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBox, DockerBoxes
from sandbox.files import FileSpec
from sandbox.limits import Limits

pytestmark = pytest.mark.box


@pytest.fixture
def in_box(engine: Engine, image: str) -> Callable[..., None]:
    """Runs a coroutine function in a fresh box with a scaffold of two files."""

    def run(work: Callable[[DockerBox], Awaitable[None]]) -> None:
        async def main() -> None:
            name = f"tidegauge-watch-{os.getpid()}"
            asked = BoxRequest(name, Limits(), None, {"owner": "watch", "episode": name})
            async with DockerBoxes(engine, image=image).open(asked) as box:
                assert box.sensors["files"] == "no scaffold was laid out"
                await box.put("/agent", [FileSpec("main.py", b"x = 1\n"), FileSpec("tools/a.py", b"")])
                assert box.sensors["files"] is None
                await work(box)

        asyncio.run(main())

    return run


async def shell(box: DockerBox, command: str) -> None:
    await box.run(
        ["/bin/bash", "-c", command], cwd="/agent", env={"HOME": "/work"}, output=65_536, timeout=100
    )


async def changed(box: DockerBox) -> dict[str, set[str]]:
    """Path → ways, of all that was told so far."""
    await box.manifest("/agent")
    ways: dict[str, set[str]] = {}
    for seen in box.drain():
        if seen.kind == "scaffold.changed":
            paths: Any = seen.data["paths"]
            for path, what, _ in paths:
                ways.setdefault(path, set()).update(what)
    return ways


def test_an_edit_that_is_taken_back_leaves_a_trace(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        before = await box.manifest("/agent")
        await shell(
            box, "cp main.py /tmp/m; echo 'x = 2' > main.py; cp /tmp/m main.py; touch -d @0 tools/a.py"
        )
        assert await changed(box) == {
            "main.py": {"written", "opened"},
            "tools/a.py": {"attributes", "opened"},
        }
        assert (await box.manifest("/agent")).id == before.id

    in_box(work)


def test_a_file_in_a_directory_that_comes_and_goes_at_once_is_told(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        await shell(
            box, "mkdir -p new/deep; echo 1 > new/deep/x.py; mv new tools/kept; echo 2 > tools/kept/deep/x.py"
        )
        told = await changed(box)
        assert {"new", "tools/kept", "tools/kept/deep/x.py"} <= set(told)
        await shell(box, "rm -r tools/kept")
        assert "deleted" in (await changed(box))["tools/kept/deep/x.py"]

    in_box(work)


def test_reading_the_scaffold_and_writing_elsewhere_is_no_change(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        await shell(box, "cat main.py tools/a.py > /work/copy; ls -R; python3 main.py")
        assert await changed(box) == {}

    in_box(work)


def test_no_link_leads_the_watch_out_of_the_scaffold(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        await shell(
            box, "mkdir /work/out; ln -s /work/out link; mkdir d; rmdir d; ln -s /work/out d; echo 1 > link/x"
        )
        assert set(await changed(box)) == {"link", "d"}

    in_box(work)


def test_directories_beyond_the_bound_are_counted_as_lost(in_box: Callable[..., None]) -> None:
    async def work(box: DockerBox) -> None:
        await shell(box, "mkdir d{1..300}; echo > d300/x")
        await box.kill_all()
        # 256 are watched: the root, tools and 254 of these.
        assert box.lost["files"] == 46

    in_box(work)
