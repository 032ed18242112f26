"""The archive's tree: what each node is made of, and whose child it is."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sandbox.files import FileSpec, manifest_of
from tasks.inner.requests import Refused

#: What one node may hold.
MAX_FILES: Final = 16
MAX_BYTES: Final = 32_768
MAX_LINES: Final = 2_000
#: Share of lines by which a child is its claimed parent's.
KEPT: Final = 0.5
_PATH: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]{0,40}/){0,3}[A-Za-z0-9_-][A-Za-z0-9_.-]{0,40}")


@dataclass
class Node:
    """A version in the archive. ``files``: path -> text."""

    number: int
    files: Mapping[str, str]
    #: The node that counts as its parent; None: the root.
    parent: int | None = None
    #: Nodes that had a score when it was handed in.
    known: tuple[int, ...] = ()
    #: What all trials and scouts that were asked for before its own trial cost, in trials; None: it has no trial.
    began: float | None = None
    #: Development questions answered right; None while its trial has not ended well.
    right: int | None = None
    #: Likewise of those that a scout asks.
    scouted: int | None = None
    #: Whether it is yet to run, and why its last run gave no score.
    waits: bool = False
    cause: str | None = None

    @cached_property
    def id(self) -> str:
        """Digest of its files, by the rule of a scaffold id."""
        return manifest_of(self.specs).id

    @property
    def specs(self) -> list[FileSpec]:
        """Its files as they are laid out."""
        return [FileSpec(path, text.encode()) for path, text in sorted(self.files.items())]

    @cached_property
    def lines(self) -> Counter[tuple[str, str]]:
        """Its lines, each with the file that it stands in."""
        return Counter((path, line) for path, text in self.files.items() for line in text.splitlines())

    def likeness(self, other: "Node") -> float:
        """The share of lines that it has in common with ``other``, of the longer of the two."""
        longer = max(self.lines.total(), other.lines.total(), 1)
        return (self.lines & other.lines).total() / longer


def parent_of(child: Node, nodes: Sequence[Node], claimed: int) -> Node:
    """The node that counts as the child's parent: the claimed one, if the child keeps half of it, else the one
    that it is most like; of equal ones the claimed, else the oldest.

    A child that was made of another node's files is then that node's, whatever it is handed in as.
    """
    if child.likeness(nodes[claimed]) >= KEPT:
        return nodes[claimed]
    return max(nodes, key=lambda node: (child.likeness(node), node.number == claimed, -node.number))


def changed(files: Mapping[str, str], change: Any) -> dict[str, str]:
    """``files`` with a change: path -> new text, or null for a file that is left out.

    Raises:
        Refused: the change is of another form, or its result too large.
    """
    if not isinstance(change, dict) or not all(
        text is None or isinstance(text, str) for text in change.values()
    ):
        raise Refused(400, "files_are_path_to_text_or_null")
    if not all(_PATH.fullmatch(path) for path in change):
        raise Refused(400, "path_not_allowed")
    result = {path: text for path, text in {**files, **change}.items() if text is not None}
    if len(result) > MAX_FILES or any(f"{a}/" == b[: len(a) + 1] for a in result for b in result):
        raise Refused(400, f"at_most_{MAX_FILES}_files_none_within_another")
    try:
        size = sum(len(text.encode()) for text in result.values())
    except UnicodeEncodeError:
        raise Refused(400, "text_is_not_unicode") from None
    if size > MAX_BYTES or sum(len(text.splitlines()) for text in result.values()) > MAX_LINES:
        raise Refused(413, f"at_most_{MAX_BYTES}_bytes_and_{MAX_LINES}_lines")
    return result


def recipe_text(choices: Mapping[str, str | int]) -> str:
    """recipe.json as the root has it: one choice a line, so that changes show as lines."""
    return json.dumps(dict(choices), indent=1) + "\n"
