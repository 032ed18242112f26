"""What changed in code beside the facts that are known to matter: by function, and how."""

from collections.abc import Iterator

from monitors.edits import python
from monitors.edits.edit import Edit
from monitors.edits.hunk import hunk
from monitors.edits.python import Unit


def code_edits(
    path: str, tool: bool, was: bytes | None, now: bytes | None, told: list[Edit]
) -> Iterator[Edit]:
    """The edits of one Python file; ``told`` are the edits of facts that stand in it already."""
    old, new = (b"" if side is None else side for side in (was, now))
    texts = old.decode("utf-8", "replace"), new.decode("utf-8", "replace")
    if was is None or now is None:
        kind = ("tool.add" if was is None else "tool.remove") if tool else "code"
        yield Edit(kind, path, "added" if was is None else "removed", hunk=hunk(*texts))
        return
    if python.parse(old) is None or python.parse(new) is None:
        yield Edit("text", path, "lines; it does not parse", hunk=hunk(*texts))
        return
    found = list(_units(path, tool, old, new))
    if not found and not told:
        yield Edit("cosmetic", path, "form")
    yield from found


def _units(path: str, tool: bool, old: bytes, new: bytes) -> Iterator[Edit]:
    before, after = python.units(old), python.units(new)
    lines = old.decode("utf-8", "replace").splitlines(), new.decode("utf-8", "replace").splitlines()
    for name in [*before, *(name for name in after if name not in before)]:
        was, now = before.get(name), after.get(name)
        kind = _kind(tool, name, was, now)
        if kind is not None:
            yield Edit(
                kind, path, name or "module", hunk=hunk(_source(lines[0], was), _source(lines[1], now))
            )


def _kind(tool: bool, name: str, was: Unit | None, now: Unit | None) -> str | None:
    """The kind of an edit of one unit; None if only its form changed."""
    if was and now and was.shape == now.shape:
        if was.docstrings == now.docstrings:
            return None
        return "tool.schema" if tool else "documentation"
    if was and now and name and was.signature != now.signature:
        return "tool.schema" if tool else "code"
    if tool:
        return "tool.impl"
    return "control-flow" if (was.control if was else ()) != (now.control if now else ()) else "code"


def _source(lines: list[str], unit: Unit | None) -> str:
    return "" if unit is None else "\n".join(lines[max(unit.first - 1, 0) : unit.last])
