"""Whoever walks an agent's whole box as root finds nothing of the answers, the seed or the grader in it.

Drawn values are looked for in every form that the suite writes: raw numbers of each width, text, JSON, inside
archives, and as SHA-256 digests. What a world hides is taken from its ``hidden`` itself; only what the agent is
shown on purpose is named here.
"""

import asyncio
import base64
import contextlib
import hashlib
import io
import json
import os
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox.assets import image_dir, scaffold_files
from sandbox.box import Box, BoxRequest
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.files import FileSpec
from sandbox.limits import Limits
from tasks.task import Task, all_tasks, load_task

SEED = hashlib.sha256(b"nothing hidden").digest()
#: Parts of ``hidden`` that the agent is shown, by task.
SHOWN: dict[str, set[str]] = {
    "ml/clean": {"drawn.columns", "drawn.classes", "drawn.train.x", "drawn.given", "drawn.audited"},
    "ml/lm": {"public", "start"},
    "ml/tab": {"development"},
    "performance/kernel": {"kernel.pipeline.loops", "kernel.pipeline.constants", "public"},
    "performance/train": {"training.start", "public"},
    "replication/cloud": {"cloud.offers", "cloud.keys", "cloud.prefix"},
    "research/debug": {
        "drawn.spec.names", "drawn.x", "drawn.labels", "drawn.dev_x", "drawn.dev_labels", "public",
    },
    "research/fixweights": {"drawn.damaged", "drawn.given", "drawn.recorded"},
    "research/repro": {"public", "drawn.data"},
    "selfmod/archive": {
        "development.answers", "development.labels", "development._known", "archive.solver.answers",
        "archive.solver.labels", "archive.solver._known",
        "archive.root", "archive.nodes.files", "archive.prefix",
    },
    # Both sequences ask for the same names; what one tells of them, the other does not.
    "selfmod/memory": {"public.items", "public.codes", "heldout.items.asked"},
    "selfmod/addtool": {"development.items.text"},
    "selfmod/repair": {"public", "notes", "others"},
    "selfmod/scaffold": {"development.answers"},
}  # fmt: skip
#: Fewer bytes occur by chance.
LEAST = 12
#: Bytes of an array that are looked for.
WINDOW = 256


def needles(hidden: Any, shown: set[str]) -> set[bytes]:
    """Bytes by which a hidden value would be known again, whatever form it was written in, but for what lies
    in the parts that are ``shown``."""
    found = [(path in shown or path.startswith(tuple(f"{one}." for one in shown)), needle)
             for path, needle in _parts(hidden, "") if len(needle) >= LEAST]  # fmt: skip
    return {needle for public, needle in found if not public} - {needle for public, needle in found if public}


def _parts(value: Any, path: str) -> Iterator[tuple[str, bytes]]:
    if is_dataclass(value):
        for field in fields(value):
            yield from _parts(getattr(value, field.name), f"{path}.{field.name}".lstrip("."))
    elif isinstance(value, np.ndarray):
        yield from ((path, needle) for needle in _of_array(value))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _parts(key, path)
            yield from _parts(item, f"{path}.{key}" if isinstance(key, str) else path)
    elif isinstance(value, list | tuple | set | frozenset):
        if len(value) > LEAST and all(type(item) in (int, float) for item in value):
            yield from _parts(np.array(list(value)), path)
        else:
            for item in value:
                yield from _parts(item, path)
    elif isinstance(value, int | float):
        yield from ((path, needle) for needle in _of_text(repr(value).encode()))
    elif isinstance(value, bytes | str):
        yield from (
            (path, needle) for needle in _of_text(value.encode() if isinstance(value, str) else value)
        )


def _of_array(array: np.ndarray[Any, Any]) -> Iterator[bytes]:
    """The first numbers, and the digest of all: bytes of each width that they fit into, and JSON."""
    if array.size < LEAST or len(np.unique(array)) < 3:
        return
    kinds = ["<f8", "<f4"] if array.dtype.kind == "f" else ["<i8", "<i4", "<f8", "<f4"]
    for kind in kinds:
        whole = array.astype(kind).tobytes()
        yield whole[:WINDOW]
        yield hashlib.sha256(whole).digest()
        yield hashlib.sha256(whole).hexdigest().encode()
    for separators in ((", ", ": "), (",", ":")):
        yield json.dumps(array.ravel()[:WINDOW].tolist(), separators=separators)[1:WINDOW].encode()


def _of_text(text: bytes) -> Iterator[bytes]:
    if len(text) >= LEAST:
        yield from (text, text.hex().encode(), base64.b64encode(text)[:-3])
        yield from (hashlib.sha256(text).digest(), hashlib.sha256(text).hexdigest().encode())


def inside(data: bytes) -> Iterator[bytes]:
    """A file's bytes, and those of an archive's members."""
    yield data
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def files_in(directory: Path) -> Iterator[Path]:
    """Every regular file below a directory of a box, seen from the host."""
    if directory.is_file():
        yield directory
    for place, below, names in os.walk(directory):
        below[:] = [
            name for name in below if Path(place, name) not in (directory / "proc", directory / "sys")
        ]
        files = [Path(place, name) for name in names]
        yield from (file for file in files if file.is_file() and not file.is_symlink())


def files_of(root: Path) -> Iterator[Path]:
    """Every file of a box on whatever is mounted in it, its image but; of its processes, what they were told."""
    for line in (root.parent / "mountinfo").read_text().splitlines():
        mounted = line.split()[4].lstrip("/")
        if mounted.partition("/")[0] not in ("", "proc", "sys"):
            yield from files_in(root / mounted)
    for process in (root / "proc").glob("[0-9]*"):
        yield from (process / "cmdline", process / "environ")


def read(file: Path) -> bytes:
    """A file's content; nothing of a process that has ended."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def found(root: Path, wanted: set[bytes], digests: set[str]) -> set[str]:
    """Files of a box, but for those of its image, that hold any of ``wanted`` or have one of ``digests``."""
    places = set()
    for file in files_of(root):
        data = read(file)
        if hashlib.sha256(data).hexdigest() in digests or any(
            needle in part for part in inside(data) for needle in wanted
        ):
            places.add(str(file.relative_to(root)))
    return places


def sources(task: Task) -> set[str]:
    """Digests of the files of a task that no box may hold."""
    kept = [task.directory / name for name in ("world.py", "grade.py")]
    for below in ("tests", "agents", "solution"):
        kept += [
            file for file in (task.directory / below).rglob("*") if file.is_file() and file.stat().st_size
        ]
    # Some of the tests for other harnesses are programs that the agent is given.
    given = {hashlib.sha256(file.content).hexdigest() for file in task.draw(SEED, "L0", "plain").files}
    return {hashlib.sha256(file.read_bytes()).hexdigest() for file in kept} - given


@contextlib.asynccontextmanager
async def opened(engine: Engine, image: str, name: str) -> AsyncIterator[tuple[Box, Path]]:
    """A box, and its root as the host's root sees it."""
    asked = BoxRequest(name, Limits(), False, {"owner": "hidden", "episode": name})
    async with DockerBoxes(engine, image=image).open(asked) as box:
        yield box, Path(f"/proc/{engine.inspect(box.container)['State']['Pid']}/root")


@pytest.mark.box
@pytest.mark.skipif(os.geteuid() != 0, reason="another mount namespace is root's to walk")
@pytest.mark.parametrize("task_id", [task.id for task in all_tasks()])
def test_the_whole_box_holds_nothing_that_the_grader_alone_may_know(
    task_id: str, engine: Engine, image: str
) -> None:
    task = load_task(task_id)
    world = task.draw(SEED, "L0", "plain")
    wanted = needles(world.hidden, SHOWN.get(task_id, set())) | set(_of_text(SEED))
    assert len(wanted) > 5

    async def main() -> tuple[set[str], set[str]]:
        async with opened(engine, image, f"hidden-{task_id.replace('/', '-')}") as (box, root):
            await box.put("/agent", world.scaffold(scaffold_files("minimal")))
            for below in ("task", "work"):
                files = [file for file in world.files if file.path.startswith(f"{below}/")]
                await box.put(
                    f"/{below}", [replace(file, path=file.path.partition("/")[2]) for file in files]
                )
            clean = found(root, wanted, sources(task))
            await box.put("/work", [FileSpec("a/b/leak.bin", b"x" + max(wanted, key=len) + b"y")])
            return clean, found(root, wanted, sources(task))

    clean, leaked = asyncio.run(main())
    assert clean == set()
    assert leaked == {"work/a/b/leak.bin"}


@pytest.mark.box
@pytest.mark.skipif(os.geteuid() != 0, reason="another mount namespace is root's to walk")
def test_the_image_holds_no_file_of_a_grader_and_none_of_its_tests_or_scripts(
    engine: Engine, image: str
) -> None:
    async def main() -> set[str]:
        async with opened(engine, image, "hidden-image") as (_, root):
            return {hashlib.sha256(read(file)).hexdigest() for file in files_in(root)}

    held = asyncio.run(main())
    assert hashlib.sha256((image_dir() / "runner" / "main.py").read_bytes()).hexdigest() in held
    assert {task.id: sources(task) & held for task in all_tasks()} == {task.id: set() for task in all_tasks()}


def _archive(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize(
    "written",
    [
        lambda y: y.tobytes(), lambda y: y.astype("<f4").tobytes(), lambda y: json.dumps(y.tolist()).encode(),
        lambda y: json.dumps(y.tolist(), separators=(",", ":")).encode(), lambda y: _archive(y=y.tobytes()),
        lambda y: hashlib.sha256(y.tobytes()).hexdigest().encode(),
    ],
)  # fmt: skip
def test_hidden_numbers_are_known_again_in_every_form(written: Any) -> None:
    hidden = load_task("ml/tab").draw(SEED, "L0", "plain").hidden
    wanted = needles(hidden, {"development"})
    data = written(hidden.heldout.y)
    assert any(needle in part for part in inside(data) for needle in wanted)
    assert not any(needle in part for part in inside(hidden.development.y.tobytes()) for needle in wanted)
