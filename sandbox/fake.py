"""Boxes without an engine: a program is a Python coroutine, the files are a dictionary.

For tests of everything around a box (ours and those of task and monitor authors): how an episode
ends, what is recorded, what happens when a box dies. It isolates nothing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.box import BoxInfo, BoxRequest, Completed, Killed, Seen, Usage
from sandbox.errors import BoxDied, EngineFault
from sandbox.fate import EngineEvent, Fate
from sandbox.files import Collection, FileSpec, Manifest, manifest_of
from sandbox.http import Address
from sandbox.sockets import socket_directory

FAKE_INFO = BoxInfo("fake", "none", "fake")


@dataclass
class FakeBox:
    """A box in memory. ``program`` is what every ``run`` does."""

    program: "Program"
    door: Path = Path("door")
    files: dict[str, FileSpec] = field(default_factory=dict)
    used: Usage = field(
        default_factory=lambda: Usage(cpu_us=1, processes=1, oom_kills=0, refused_processes=0)
    )
    #: Processor microseconds of its first process.
    runner: int | None = None
    info: BoxInfo = FAKE_INFO
    container: str = "fake"
    sensors: dict[str, str | None] = field(
        default_factory=lambda: dict.fromkeys(
            ("cgroup", "runner", "notify", "dns", "files", "callers", "opened")
        )
    )
    lost: dict[str, int] = field(default_factory=dict)
    #: What the engine says of it.
    fate: Fate = field(default_factory=Fate)
    #: Who holds a connection to the door.
    asking: list[int] | None = field(default_factory=lambda: [1])
    #: How often a program was started.
    starts: int = 0

    def __post_init__(self) -> None:
        self._dead: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._seen: asyncio.Queue[Seen | None] = asyncio.Queue()

    @property
    def dead(self) -> str | None:
        return self._dead.result() if self._dead.done() else None

    def die(self, reason: str = "the box ended", *, killed: bool = False) -> None:
        """Ends the box; ``killed`` as somebody outside would."""
        if killed:
            self.fate.tell(EngineEvent("kill", signal=9))
        self.fate.tell(EngineEvent("die", exit_code=137))
        self._dead.set_result(reason)
        self._seen.put_nowait(None)

    def report(self, kind: str, data: dict[str, object]) -> None:
        """Says something as the runner would."""
        self._seen.put_nowait(Seen(kind, data))

    async def put(self, root: str, files: Iterable[FileSpec]) -> None:
        self._check()
        for file in files:
            self.files[f"{root.rstrip('/')}/{file.path}"] = file

    async def run(
        self, argv: Sequence[str], *, cwd: str, env: dict[str, str], output: int, timeout: float | None = None
    ) -> Completed:
        self._check()
        self.starts += 1
        program = asyncio.ensure_future(self.program(self, argv))
        try:
            async with asyncio.timeout(timeout):
                either: set[asyncio.Future[Any]] = {program, self._dead}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            self._check()
            ended = await program
        finally:
            program.cancel()
        cut = len(ended.stdout) > output
        return Completed(
            ended.code, ended.signal, ended.stdout[:output], ended.stderr, cut or ended.truncated
        )

    async def manifest(self, root: str, known: Manifest | None = None) -> Manifest:
        self._check()
        return manifest_of(self._under(root))

    async def read(self, root: str, paths: Sequence[str]) -> Collection:
        self._check()
        return Collection({file.path: file.content for file in self._under(root) if file.path in paths})

    async def collect(self, root: str, *, max_bytes: int, max_files: int, first: str = "") -> Collection:
        self._check()
        return Collection({file.path: file.content for file in self._under(root)})

    async def kill_all(self) -> Killed:
        self._check()
        return Killed(0)

    async def written(self) -> int:
        return sum(len(file.content) for file in self.files.values())

    async def snapshot(self) -> str:
        return "snapshot"

    def end(self, reason: str) -> None:
        if self.dead is None:
            self.die(reason)

    def usage(self) -> Usage:
        return self.used

    def runner_us(self) -> int | None:
        return self.runner

    def callers(self, port: int, client: Address | None = None) -> list[int] | None:
        return self.asking

    def listening(self) -> frozenset[int]:
        return frozenset()

    def guard(self, changed: Sequence[str], limits: Sequence[str], opened: Sequence[str]) -> None:
        """What a program does in memory nobody sees: tests ``report`` it."""

    def drain(self) -> list[Seen]:
        reports = [self._seen.get_nowait() for _ in range(self._seen.qsize())]
        return [report for report in reports if report is not None]

    async def watch(self) -> AsyncIterator[Seen]:
        while (seen := await self._seen.get()) is not None:
            yield seen

    def _under(self, root: str) -> list[FileSpec]:
        prefix = f"{root}/"
        return [
            FileSpec(path.removeprefix(prefix), file.content, file.mode)
            for path, file in sorted(self.files.items())
            if path.startswith(prefix)
        ]

    def _check(self) -> None:
        if self.dead is not None:
            raise BoxDied(self.dead)


Program = Callable[[FakeBox, Sequence[str]], Awaitable[Completed]]


class FakeBoxes:
    """Opens fake boxes. ``refuse`` makes the next openings fail as an engine would."""

    def __init__(self, program: Program, *, refuse: int = 0) -> None:
        self.info = FAKE_INFO
        self._program = program
        self._refuse = refuse
        self.opened: list[BoxRequest] = []

    async def answering(self) -> None:
        return

    @contextlib.asynccontextmanager
    async def open(self, request: BoxRequest) -> AsyncIterator[FakeBox]:
        self.opened.append(request)
        if len(self.opened) <= self._refuse:
            raise EngineFault("the engine refused", "engine")
        with socket_directory() as directory:
            yield FakeBox(self._program, directory / "d")

    async def forget(self, snapshot: str) -> None:
        return

    async def close(self) -> None:
        return
