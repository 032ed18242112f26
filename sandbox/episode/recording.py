"""What is recorded of every box, an agent's or a grader's: its life, its output, its files."""

import contextlib
import time
from collections.abc import AsyncIterator
from typing import Final

from sandbox.box import Box, Boxes, BoxRequest, Seen
from sandbox.canonical import sha256
from sandbox.files import Collection
from sandbox.recorder import Recorder
from sandbox.vocabulary import KINDS

#: Seconds that the engine gets to say how a box ended; it takes milliseconds.
FATE_SECONDS: Final = 2.0


@contextlib.asynccontextmanager
async def open_box(boxes: Boxes, request: BoxRequest, recorder: Recorder, role: str) -> AsyncIterator[Box]:
    """Opens a box with its life recorded: before it is created, when it answers, when it is gone."""
    info, ground = boxes.info, request.ground
    image = info.image if ground is None else ground.image
    data = {"name": request.name, "image": image, "runtime": info.runtime, "isolation": info.isolation}
    root = ground is not None and ground.user == 0
    recorder.record("harness", "box.create", {**data, "role": role, "root": root})
    began = time.monotonic()
    cause: str | None = None
    try:
        async with boxes.open(request) as box:
            seconds = round(time.monotonic() - began, 3)
            recorder.record(
                "harness", "box.up", {"name": request.name, "container": box.container, "seconds": seconds}
            )
            try:
                yield box
            finally:
                cause = box.dead
    finally:
        recorder.record("harness", "box.down", {"name": request.name, "cause": cause})


def record_seen(recorder: Recorder, seen: Seen) -> None:
    """What a sensor of the box reported on its own."""
    (source,) = KINDS[seen.kind].sources
    recorder.record(source, seen.kind, seen.data)


def record_output(recorder: Recorder, stdout: bytes, stderr: bytes) -> None:
    """What a program printed, as text."""
    for stream, raw in (("stdout", stdout), ("stderr", stderr)):
        if raw:
            text = raw.decode("utf-8", "replace")
            recorder.record("runner", "output", {"stream": stream, "text": text, "bytes": len(raw)})


def record_collection(recorder: Recorder, root: str, taken: Collection) -> None:
    """Which files were taken, with their digests, and which were left."""
    files = []
    for path in sorted(taken.files):
        content = taken.files[path]
        files.append([path, len(content), sha256(content)])
    left = [[path, reason] for path, reason in taken.left]
    recorder.record("runner", "collected", {"root": root, "files": files, "left": left})
