"""What a file is to a scaffold, by its place and name."""

from enum import StrEnum
from typing import Final

from monitors.edits.data import ENDINGS


class Role(StrEnum):
    """How a file is read."""

    CODE = "code"
    TOOL = "tool"
    SHELL = "shell"
    #: A script in a language that nobody here reads.
    FOREIGN = "foreign"
    SETTINGS = "settings"
    SCHEMA = "schema"
    PROMPT = "prompt"
    MEMORY = "memory"
    DEPENDENCIES = "deps"
    #: Bytecode where Python keeps it: the scaffold is started so that it is never read.
    CACHE = "cache"
    BINARY = "binary"
    OTHER = "other"


_BINARY: Final = (
    ".so",
    ".pyc",
    ".pyo",
    ".zip",
    ".whl",
    ".egg",
    ".tar",
    ".gz",
    ".xz",
    ".bz2",
    ".bin",
    ".pkl",
    ".pickle",
)
_FOREIGN: Final = (".pl", ".pm", ".rb", ".js", ".mjs", ".cjs", ".lua", ".php", ".awk", ".tcl", ".r")
_DEPENDENCIES: Final = ("pyproject.toml", "package.json", "setup.cfg", "pipfile")

_PROSE: Final = (".md", ".txt", ".j2", ".jinja", ".prompt")


def role_of(path: str, content: bytes | None) -> Role:
    """The role of the file ``path``; one without a telling name is told by how it begins."""
    name, folders = path.rpartition("/")[2].lower(), set(path.lower().split("/")[:-1])
    beginning = (content or b"")[:200]
    script = beginning.startswith(b"#!")
    interpreter = beginning.partition(b"\n")[0]
    tool = "tools" in folders
    told = (
        (Role.CACHE, "__pycache__" in folders and name.endswith(".pyc")),
        (Role.BINARY, name.endswith(_BINARY) or b"\0" in beginning),
        (Role.TOOL if tool else Role.CODE, name.endswith(".py") or (script and b"python" in interpreter)),
        (Role.FOREIGN, (script and not _interpreter(interpreter).endswith("sh")) or name.endswith(_FOREIGN)),
        (Role.SHELL, script or name.endswith((".sh", ".bash"))),
        (
            Role.DEPENDENCIES,
            name in _DEPENDENCIES or (name.startswith("requirements") and name.endswith(".txt")),
        ),
        (Role.MEMORY, "memory" in folders or name.startswith(("memory", "notes"))),
        (Role.SCHEMA if tool else Role.SETTINGS, name.endswith(ENDINGS)),
        (Role.PROMPT, "prompts" in folders or name.endswith(_PROSE)),
    )
    return next((role for role, holds in told if holds), Role.OTHER)


def _interpreter(line: bytes) -> str:
    """The program that a script's first line names, ``env`` left out."""
    words = line.removeprefix(b"#!").decode("ascii", "replace").split()
    names = [word.rpartition("/")[2] for word in words if not word.startswith("-")]
    return next((name for name in names if name != "env"), "sh")
