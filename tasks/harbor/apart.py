"""A verifier with an environment of its own: what it is, and what of the agent's box it is handed.

The agent's box ends with nothing of it kept but the artefacts that the task names, which lie at the same place in the
verifier's: what else the agent changed, the verifier does not meet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Final

from sandbox.box import Box
from sandbox.files import FileSpec, layout_mode
from sandbox.ground import PYTHON
from tasks.harbor import tree
from tasks.harbor.reward import BadReward
from tasks.harbor.table import BUILD_SECONDS, LEAVE_OUT, Table

MODES: Final = ("shared", "separate")
#: Where an agent publishes, whether the task names it or not.
_PUBLISHED: Final = "/logs/artifacts"
#: Places that nothing is handed over to: the tests, the rewards, and what a box mounts for itself.
_KEPT: Final = ("/tests", "/logs/verifier", "/task", "/agent")
_MAY_RUN: Final = "import os, sys; print(os.access(sys.argv[1], os.X_OK))"
#: How a box says that something is a link, a device or the like.
_NO_FILE: Final = "not a regular file"
_OUTPUT, _SECONDS = 4_096, 60.0
#: Characters of a path of the agent's that are shown.
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file or directory of the agent's box."""

    #: Absolute.
    source: str
    #: Patterns of paths below it that are left out.
    exclude: tuple[str, ...] = ()

    def leaves_out(self, path: str) -> bool:
        """Whether a pattern is that of a path below it, or of any part of one."""
        parts = path.split("/")
        spans = ["/".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1)]
        return any(
            fnmatchcase(span, pattern.removeprefix("./")) for pattern in self.exclude for span in spans
        )


@dataclass(frozen=True, slots=True)
class Apart:
    """The environment of a verifier."""

    image: str | None
    build_seconds: float
    environment: dict[str, str]
    directory: str | None
    artefacts: tuple[Artefact, ...]

    def bundles(self, tests: Path) -> bool:
        """Whether its image, an own one or that of a Dockerfile in ``tests``, holds the tests; else they are laid out
        in the environment that the agent's box began with."""
        return self.image is not None or (tests / "Dockerfile").is_file()


@dataclass(frozen=True, slots=True)
class Handed:
    """What is laid out in the verifier's box."""

    #: A directory.
    place: str
    files: tuple[FileSpec, ...]
    #: Nothing else stays in it.
    whole: bool


def is_apart(verifier: Table) -> bool:
    """Whether a verifier has an environment of its own, by the table of its name.

    Raises:
        Mistake: it names a mode that there is not.
    """
    mode = verifier.values.get("environment_mode")
    if mode is None:
        return "environment" in verifier.values
    if mode not in MODES:
        raise verifier.wrong("environment_mode", f"{mode!r} is unknown", "choices: " + ", ".join(MODES))
    return bool(mode == "separate")


def read_apart(written: Table) -> Apart | None:
    """The environment of a verifier that has its own.

    Raises:
        Mistake: it, or the artefacts, are not of Harbor's form, or such as no box gives.
    """
    verifier = written.table("verifier")
    if not is_apart(verifier):
        return None
    own = verifier.table("environment")
    # With none of its own, it is made anew as the agent's was.
    settings = own if "environment" in verifier.values else written.table("environment")
    return Apart(
        image=own.text("docker_image"),
        build_seconds=settings.number("build_timeout_sec", BUILD_SECONDS),
        environment=settings.variables(),
        directory=settings.directory(),
        artefacts=_artefacts(written),
    )


def _artefacts(written: Table) -> tuple[Artefact, ...]:
    entries = written.values.get("artifacts", [])
    if not isinstance(entries, list):
        raise written.wrong("artifacts", "is not a list", 'write ["/path"]')
    found = tuple(_artefact(written, f"artifacts.{index}", entry) for index, entry in enumerate(entries))
    published = () if any(one.source == _PUBLISHED for one in found) else (Artefact(_PUBLISHED),)
    return (*published, *found)


def _artefact(written: Table, key: str, entry: Any) -> Artefact:
    given = {"source": entry} if isinstance(entry, str) else entry
    if not isinstance(given, dict) or not isinstance(given.get("source"), str):
        raise written.wrong(key, "names no source", 'write "/path" or {source = "/path"}')
    source, exclude = PurePosixPath(given["source"]), given.get("exclude", [])
    if not source.is_absolute() or ".." in source.parts:
        raise written.wrong(key, f"{given['source']!r} is not absolute", "begin it with /, without ..")
    if not isinstance(exclude, list) or not all(isinstance(pattern, str) for pattern in exclude):
        raise written.wrong(f"{key}.exclude", "is not a list of texts", 'write ["pattern"]')
    if given.get("service") not in (None, "main"):
        raise written.wrong(f"{key}.service", "not run here: there is one box", LEAVE_OUT)
    if any(source.is_relative_to(place) or PurePosixPath(place).is_relative_to(source) for place in _KEPT):
        problem = f"not run here: {source} would lie where the tests, the rewards or a box's own files do"
        raise written.wrong(key, problem, LEAVE_OUT)
    return Artefact(str(source), tuple(exclude))


async def hand_over(artefacts: Sequence[Artefact], box: Box) -> list[Handed]:
    """What a box in which nothing runs holds of them; one that is not there is left out, as links are.

    Raises:
        BadReward: they are more than ``tree.MAX_PART`` bytes or ``tree.MAX_FILES`` files, or cannot be read.
    """
    handed = list[Handed]()
    for artefact in artefacts:
        room = tree.MAX_PART - sum(len(file.content) for one in handed for file in one.files)
        count = tree.MAX_FILES - sum(len(one.files) for one in handed)
        found = await _file(artefact, box) or await _directory(artefact, box, room, count)
        if found is not None:
            handed.append(found)
    return handed


async def _file(artefact: Artefact, box: Box) -> Handed | None:
    source = PurePosixPath(artefact.source)
    held = await box.read(str(source.parent), [source.name])
    if source.name not in held.files:
        return None
    asked = [*PYTHON, "-ISBc", _MAY_RUN, artefact.source]
    try:
        told = await box.run(asked, cwd="/", env={}, output=_OUTPUT, timeout=_SECONDS)
    except TimeoutError as error:
        raise BadReward(f"{artefact.source} could not be looked at") from error
    mode = 0o755 if told.stdout.strip() == b"True" else 0o644
    return Handed(str(source.parent), (FileSpec(source.name, held.files[source.name], mode),), whole=False)


async def _directory(artefact: Artefact, box: Box, room: int, count: int) -> Handed | None:
    found = await box.collect(artefact.source, max_bytes=room, max_files=count)
    if not found.files and [path for path, _ in found.left] == [artefact.source]:
        return None
    for path, reason in found.left:
        if reason != _NO_FILE and not artefact.leaves_out(path):
            raise BadReward(f"{artefact.source} is not handed to the verifier: {path[:_SHOWN]!r}: {reason}")
    manifest = await box.manifest(artefact.source)
    modes = {path: mode for path, _, mode, _, _ in manifest.entries}
    files = [
        FileSpec(path, content, layout_mode(modes.get(path, 0)))
        for path, content in found.files.items()
        if not artefact.leaves_out(path)
    ]
    return Handed(artefact.source, tuple(files), whole=True)
