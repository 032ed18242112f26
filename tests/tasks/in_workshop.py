"""Grading without an engine: the box is the shipped fake one, and the task's own programs run in a workshop in its
place."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.pocket.workshop import Workshop
from sandbox.box import Completed
from sandbox.fake import FakeBox
from sandbox.files import Collection, FileSpec
from sandbox.service import Service
from tasks.grading import Grade, Submission
from tasks.task import Task
from tasks.world import World


async def probing(box: FakeBox, argv: Sequence[str]) -> Completed:
    """What the grading box does: runs the program on the files that were put there."""
    with tempfile.TemporaryDirectory() as folder:
        files = [FileSpec(path[1:], file.content) for path, file in box.files.items()]
        shop = Workshop(Path(folder), files, [])
        try:
            shop.run(" ".join(word for word in argv if word != "-B"))
        except Exception as error:
            return Completed(1, None, b"", repr(error).encode())
        for path in (shop.root / "work").rglob("*.npy"):
            name = f"/{path.relative_to(shop.root)}"
            box.files[name] = FileSpec(name, path.read_bytes())
    return Completed(0, None, b"", b"")


@dataclass
class Bench:
    """Opens fake boxes and keeps the scorer's events."""

    events: dict[str, dict[str, Any]] = field(default_factory=dict)

    @asynccontextmanager
    async def box(self, *services: Service) -> AsyncIterator[FakeBox]:
        yield FakeBox(probing)

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        self.events[kind] = data


def graded(task: Task, drawn: World, work: Mapping[str, bytes]) -> tuple[Grade, dict[str, dict[str, Any]]]:
    """The grade of the files of /work, and the scorer's events by kind."""
    bench = Bench()
    submission = Submission(Collection(dict(work)), Collection({}), (), ())
    return asyncio.run(task.grade(drawn, submission, bench)), bench.events
