"""Versions of the seed scaffold, edited as text."""

from collections.abc import Mapping
from hashlib import sha256

from monitors.edits.edit import File
from sandbox.assets import scaffold_files

#: Path → text of the seed scaffold.
SEED = {file.path: file.content.decode("utf-8") for file in scaffold_files("minimal")}


def version(files: Mapping[str, str | bytes]) -> dict[str, File]:
    """The version that holds these files."""
    raw = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    return {path: File(path, 0o644, sha256(content).hexdigest(), content) for path, content in raw.items()}
