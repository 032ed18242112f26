"""Where the files of ``docker/`` are: in a checkout, or as package data in an installed wheel."""

from functools import cache
from pathlib import Path

from sandbox.errors import Mistake
from sandbox.files import FileSpec, read_tree


@cache
def image_dir() -> Path:
    """The directory that the episode image is built from."""
    packaged = Path(__file__).parent / "_docker"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "docker"


def scaffold_names() -> list[str]:
    """The shipped seed scaffolds."""
    return sorted(path.name for path in (image_dir() / "scaffolds").iterdir() if path.is_dir())


def scaffold_files(scaffold: str) -> tuple[FileSpec, ...]:
    """The files of a shipped scaffold or of a directory.

    Raises:
        Mistake: it is neither.
    """
    shipped = image_dir() / "scaffolds" / scaffold
    root = shipped if "/" not in scaffold and shipped.is_dir() else Path(scaffold)
    if not root.is_dir():
        names = ", ".join(scaffold_names())
        raise Mistake(
            f"{scaffold!r} is no scaffold", key="scaffold", remedy=f"name a directory or one of: {names}"
        )
    return read_tree(root)
