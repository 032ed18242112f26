"""A task's files on the host, bounded, none of them a way out of the task's directory."""

import hashlib
import io
import os
import stat
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Final

from sandbox.canonical import digest
from sandbox.errors import Mistake
from sandbox.files import FileSpec, layout_mode
from tasks.harbor.ignoring import ignoring

#: Of everything that a build is given, and of the tests or the solution, which travel whole.
MAX_CONTEXT: Final = 2 * 2**30
MAX_PART: Final = 64 * 2**20
MAX_FILES: Final = 20_000
#: What of a task's directory makes the task. Beside it may lie a repository's own files, or what was run of it.
_PARTS: Final = ("task.toml", "instruction.md", "environment", "tests", "solution")
_IGNORED: Final = ".dockerignore"
_SPOOL: Final = 2**24
_PIECE: Final = 2**20


def entries(root: Path, within: Path) -> Iterator[tuple[str, Path, os.stat_result]]:
    """Every entry below ``root`` but directories' contents through links, by path, in order.

    Raises:
        Mistake: a link leads out of ``within``, an entry is neither file, directory nor link, or there are
            more than ``MAX_FILES``.
    """
    found = 0
    for folder, names, files in os.walk(root):
        names.sort()
        for name in sorted([*names, *files]):
            path = Path(folder, name)
            status = path.lstat()
            found += 1
            if found > MAX_FILES:
                raise Mistake(
                    f"holds more than {MAX_FILES} entries", where=str(root), remedy="leave the task out"
                )
            if stat.S_ISLNK(status.st_mode):
                _check_link(path, within)
            elif not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                raise Mistake("is no regular file", where=str(path), remedy="take it out of the task")
            yield path.relative_to(root).as_posix(), path, status


def _check_link(path: Path, within: Path) -> None:
    try:
        inside = path.resolve().is_relative_to(within.resolve())
    except (OSError, RuntimeError):
        inside = False
    if not inside:
        problem = f"a link that leaves the task: {os.readlink(path)!r}"
        raise Mistake(problem, where=str(path), remedy="put the file itself there")


def part(root: Path, within: Path) -> tuple[FileSpec, ...]:
    """The files below ``root`` with their contents; a link is the file that it leads to.

    Raises:
        Mistake: as ``entries``, or they are larger than ``MAX_PART`` together.
    """
    files = []
    left = MAX_PART
    for name, path, _ in entries(root, within):
        if not path.is_file():
            continue
        status = path.stat()
        left -= status.st_size
        if left < 0:
            raise Mistake(f"holds more than {MAX_PART} bytes", where=str(root), remedy="leave the task out")
        files.append(FileSpec(name, path.read_bytes(), layout_mode(status.st_mode)))
    return tuple(files)


def task_digest(task: Path) -> str:
    """What identifies the task in directory ``task``, whatever else lies there: 64 hex digits.

    Raises:
        Mistake: as ``entries``, for each part of it.
    """
    parts = [task / name for name in _PARTS if os.path.lexists(task / name)]
    for path in parts:
        if path.is_symlink():
            _check_link(path, task)
    return digest([
        [path.name, tree_digest(path, task) if path.is_dir() else _sha256(path)] for path in parts
    ])  # fmt: skip


def tree_digest(root: Path, within: Path) -> str:
    """What identifies the files below ``root``: paths, kinds, modes, contents and links, 64 hex digits.

    Raises:
        Mistake: as ``entries``.
    """
    listing = []
    for name, path, status in entries(root, within):
        if stat.S_ISLNK(status.st_mode):
            listing.append([name, "link", 0, [os.readlink(path), _sha256(path) if path.is_file() else None]])
        elif stat.S_ISDIR(status.st_mode):
            listing.append([name, "dir", 0, None])
        else:
            listing.append([name, "file", layout_mode(status.st_mode), _sha256(path)])
    return digest(listing)


def _sha256(path: Path) -> str:
    taken = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            taken.update(piece)
    return taken.hexdigest()


@contextmanager
def context(
    root: Path, within: Path, given: Mapping[str, bytes], modes: Mapping[str, int]
) -> Iterator[IO[bytes]]:
    """A build's context as a tar: what lies below ``root``, but for what its ``.dockerignore`` leaves out.

    Args:
        root: a directory.
        within: which no link may leave.
        given: contents by path, in place of what lies there or besides it.
        modes: by path or by a pattern of paths; a directory's holds for all that lies in it.

    Raises:
        Mistake: as ``entries``, or it is larger than ``MAX_CONTEXT``.
    """
    left, ignored = MAX_CONTEXT, _ignored(root)
    with tempfile.SpooledTemporaryFile(_SPOOL) as made:
        with tarfile.open(fileobj=made, mode="w") as tar:
            for name, path, status in entries(root, within):
                if name in given or ignored(name):
                    continue
                entry = tar.gettarinfo(str(path), name)
                # Whose the files are here means nothing there, and would change the build's cache.
                entry.uid = entry.gid = 0
                entry.uname = entry.gname = ""
                entry.mode = _mode(name, entry.mode, modes)
                if entry.islnk():  # a second name of a file is a file of its own
                    entry.type, entry.size = tarfile.REGTYPE, status.st_size
                left -= status.st_size
                if left < 0:
                    problem = f"holds more than {MAX_CONTEXT} bytes"
                    raise Mistake(problem, where=str(root), remedy="leave the task out")
                _add(tar, entry, path)
            for name, content in given.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), _mode(name, 0o644, modes)
                tar.addfile(entry, io.BytesIO(content))
        made.seek(0)
        yield made


def _ignored(root: Path) -> Callable[[str], bool]:
    file = root / _IGNORED
    return ignoring(file.read_text(encoding="utf-8", errors="replace") if file.is_file() else "")


def _mode(path: str, own: int, modes: Mapping[str, int]) -> int:
    parts = path.split("/")
    above = [parts[:count] for count in range(len(parts), -1, -1)]
    exact = ("/".join(place) for place in above)
    fitting = (
        mode for pattern, mode in modes.items() if any(_fits(place, pattern.split("/")) for place in above)
    )
    return next((modes[place] for place in exact if place in modes), next(fitting, own))


def _fits(place: list[str], pattern: list[str]) -> bool:
    """Whether a path is of a pattern, as a Dockerfile means it: no star goes beyond its directory."""
    return len(place) == len(pattern) and all(map(fnmatchcase, place, pattern))


def _add(tar: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> None:
    if entry.isreg():
        with path.open("rb") as file:
            tar.addfile(entry, file)
    else:
        tar.addfile(entry)
