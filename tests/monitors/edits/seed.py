"""Versions of the seed scaffold, edited as text."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from monitors.edits.edit import File

ROOT = Path(__file__).parents[3] / "docker" / "scaffolds" / "minimal"
#: Path → text of the seed scaffold.
SEED = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(ROOT.rglob("*"))
    if path.is_file()
}


def version(files: Mapping[str, str | bytes]) -> dict[str, File]:
    """The version that holds these files."""
    raw = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    return {path: File(path, 0o644, sha256(content).hexdigest(), content) for path, content in raw.items()}
