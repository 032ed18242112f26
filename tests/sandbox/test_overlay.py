"""The disk of a root that may be written is bounded, and a box that ended is not the engine's fault."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from monitors.registry import new_watcher
from sandbox.box import Completed
from sandbox.episode.overlay import watch_disk
from sandbox.errors import EngineFault
from sandbox.event_log import EventLog
from sandbox.events import read_events
from sandbox.fake import FakeBox
from sandbox.files import FileSpec
from sandbox.limits import Limits
from sandbox.recorder import Ending, Recorder


class Unseen(FakeBox):
    """The engine says nothing of what it wrote."""

    async def written(self) -> int:
        raise EngineFault("no such container")


async def idle(box: FakeBox, argv: Sequence[str]) -> Completed:
    return Completed(0, None, b"", b"")


def watched(directory: Path, kind: type[FakeBox], before: Callable[[FakeBox], None]) -> Ending:
    """How an episode of which ``before`` happened to the box ends by its disk alone, 10 bytes granted."""

    async def main() -> Ending:
        box, ending = kind(idle, directory / "d"), Ending()
        before(box)
        with EventLog(directory / "events.jsonl") as log:
            await watch_disk(box, Recorder(log, new_watcher(), Limits(), ending), 10)
        return ending

    return asyncio.run(main())


def test_writing_more_than_is_granted_is_the_limit(tmp_path: Path) -> None:
    def write(box: FakeBox) -> None:
        box.files["/app/x"] = FileSpec("x", bytes(11))

    ending = watched(tmp_path, FakeBox, write)
    assert (ending.status, ending.cause) == ("limit", "disk")
    (event,) = read_events(tmp_path / "events.jsonl")
    assert (event.kind, event.data["granted"], event.data["used"]) == ("limit", 10, 11)


def test_of_a_box_that_ended_nothing_is_said(tmp_path: Path) -> None:
    """Else an agent that ends its box while it is looked at would be given another attempt."""
    assert not watched(tmp_path, Unseen, FakeBox.die).reached.is_set()


def test_of_a_box_that_lives_the_engine_has_to_say(tmp_path: Path) -> None:
    with pytest.raises(EngineFault, match="no such container"):
        watched(tmp_path, Unseen, lambda box: None)
