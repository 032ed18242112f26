"""The tool that asks the chat solver, laid into a scaffold."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from sandbox.files import FileSpec, read_tree

_HERE: Final = Path(__file__).parent / "environment"
_PLUGINS: Final = _HERE / "plugins"
TOOL: Final = "tools/answer.py"
#: How a tool is known that asks this solver already.
_ASKS: Final = b"/inner/chat"


@cache
def protocol() -> bytes:
    """What the agent is told of the solver: ``/task/solver.md``."""
    return (_HERE / "solver.md").read_bytes()


def plugins(*names: str) -> dict[str, bytes]:
    """The shipped plugins of these names, by file name."""
    return {f"{name}.py": (_PLUGINS / f"{name}.py").read_bytes() for name in names}


def with_chat_tool(
    given: tuple[FileSpec, ...], plugins: Mapping[str, bytes] | None = None
) -> tuple[FileSpec, ...]:
    """A scaffold with the tool that asks the chat solver in the place of its own, and with ``plugins`` (file
    name -> content) beside it. One whose tool asks it already is what an episode made of it, and stays as it is."""
    held = {file.path: file for file in given}
    if TOOL in held and _ASKS in held[TOOL].content:
        return given
    laid = [*_tool(), *(FileSpec(f"tools/plugins/{name}", data) for name, data in (plugins or {}).items())]
    return (*(file for file in given if file.path not in {new.path for new in laid}), *laid)


@cache
def _tool() -> tuple[FileSpec, ...]:
    return tuple(FileSpec(TOOL, file.content) for file in read_tree(_HERE / "tools"))
