"""Where the time of a command with its model call goes: parts of it, told to the host and not, in one box in turn.

    .venv/bin/python benchmarks/command.py [ROUNDS]

A command as the seed scaffold runs it holds three calls: the shell's start, what it opens as it starts (`/dev/tty`)
and what the command opens to write. The same program as an exec of the engine's is under the engine's filter alone:
nothing is told of it. What is left of the whole is the model call and the scaffold. Last figures in README.md.
"""

import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import box as whole
import docker

from sandbox.assets import scaffold_files
from sandbox.box import BoxRequest
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBox, DockerBoxes
from sandbox.engine.image import require_image
from sandbox.files import FileSpec
from sandbox.limits import Limits
from sandbox.scaffold import ROOT

TIMES = 50
#: Of each program, the first of everything is left out.
_FIRST = 3


class Timer:
    """One box in which ``timer.py`` runs, told and untold."""

    def __init__(self, box: DockerBox, user: str) -> None:
        self._box, self._user = box, user
        self._argv = ["python3", "/work/timer.py", str(TIMES)]
        self._engine = docker.APIClient(timeout=60)

    async def told(self) -> bytes:
        """As the agent's programs run."""
        return (await self._box.run(self._argv, cwd="/work", env={}, output=10**6)).stdout

    async def untold(self) -> bytes:
        """As the same user, started by the engine."""
        return await asyncio.to_thread(self._exec)

    def _exec(self) -> bytes:
        made = self._engine.exec_create(
            self._box.container, self._argv, user=self._user, workdir="/work", stderr=False,
            environment={"SHELL": "/bin/bash", "USER": "agent", "LANG": "C.UTF-8"},
        )  # fmt: skip
        said: bytes = self._engine.exec_start(made["Id"])
        return said


@contextlib.asynccontextmanager
async def timers(boxes: DockerBoxes) -> AsyncIterator[Timer]:
    """One, in a box of its own."""
    name = f"bench-command-{os.getpid()}"
    async with boxes.open(BoxRequest(name, Limits(), True, {"owner": name}, 600.0)) as box:
        await box.put(ROOT, scaffold_files("minimal"))
        await box.put("/work", [FileSpec("timer.py", Path(__file__).with_name("timer.py").read_bytes())])
        user = (await box.run(["id", "-u"], cwd="/work", env={}, output=100)).stdout.decode().strip()
        yield Timer(box, user)


async def main(rounds: int) -> None:
    """All parts and the whole, in turn."""
    engine = Engine()
    boxes = DockerBoxes(engine, image=require_image(engine))
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        async with timers(boxes) as timer:
            for number in range(rounds):
                for how, run in (("told", timer.told), ("untold", timer.untold)):
                    for what, taken in json.loads(await run()).items():
                        found.setdefault(f"{what}, {how}", []).extend(taken[_FIRST:])
                times = await whole.alone_ms(Path(name) / str(number), boxes)
                found.setdefault("command with its model call", []).extend(times)
    for what, taken in found.items():
        twentieths = statistics.quantiles(taken, n=20)
        print(f"{what:30} least {min(taken):5.2f}   p5 {twentieths[0]:5.2f}   p50 {twentieths[9]:5.2f} ms")
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 6))
