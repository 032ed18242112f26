"""A config made portable: itself with overrides applied, and every file it names, in one archive."""

import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import yaml

from experiments.planning.config import Config
from sandbox.errors import Mistake

#: Names inside the archive.
CONFIG: Final = "config.yaml"
_FILES: Final = "files"


def write_bundle(config: Config, archive: Path, *, where: str) -> None:
    """Packs a loaded config; unpacked anywhere, it plans the same episodes.

    An archive and not a directory: what carries it may drop modes and files that it thinks ignored.

    Args:
        config: as ``loading.load_config`` returned it; its ``ray`` section is left out.
        archive: the tar file to be written, its name ending in ``.tar``.
        where: the config's file, for messages.

    Raises:
        Mistake: a file that the config names cannot be read.
    """
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / _FILES).mkdir()
        try:
            document = _portable(config, directory)
        except OSError as error:
            problem = f"{error.filename} cannot be read ({error.strerror})"
            raise Mistake(problem, where=where, remedy="make it readable, or leave it out") from error
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        (directory / CONFIG).write_text(text, encoding="utf-8")
        shutil.make_archive(str(archive.with_suffix("")), "tar", directory)


def _portable(config: Config, directory: Path) -> dict[str, Any]:
    document = config.model_dump(mode="json", exclude_none=True)
    del document["ray"]
    for model in document["models"]:
        for entry in (model, *model["checkpoints"]):
            if "script" in entry:
                entry["script"] = _taken(Path(entry["script"]), directory)
    for key in ("scaffold", "policy"):
        # A loaded config holds a shipped name or an absolute path.
        if isinstance(document[key], str) and document[key].startswith("/"):
            document[key] = _taken(Path(document[key]), directory)
    return document


def _taken(source: Path, directory: Path) -> str:
    """Copies ``source`` into the bundle; its path there, relative to the config."""
    files = directory / _FILES
    target = files / f"{len(list(files.iterdir()))}-{source.name}"
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy(source, target)
    return f"./{target.relative_to(directory).as_posix()}"
