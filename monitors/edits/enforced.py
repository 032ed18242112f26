"""Whether the limits that a scaffold states still bound anything: read, used, and enforced."""

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from monitors.edits.facts import Fact
from monitors.edits.limits import is_limit, stem
from monitors.edits.names import calls_in, last_name, names_in, nodes
from monitors.edits.telemetry import Function

#: Characters of a name that is looked up.
_LONGEST: Final = 80
_ENDS: Final = frozenset({"kill", "killpg", "terminate", "send_signal", "cancel"})


def enforced(tree: ast.Module, path: str, lines: list[str]) -> Iterator[Fact]:
    """The facts of one file on limits that are given and not used, and on what ends what runs too long."""
    for node in nodes(tree):
        for kind, key in _of(node):
            line = getattr(node, "lineno", 0)
            yield Fact(kind, key, path, line, lines[line - 1] if 0 < line <= len(lines) else "")


def _of(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, Function) and not _is_stub(node):
        used = {name for part in node.body for name in names_in(part)}
        arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        for name in (one.arg for one in arguments if is_limit(one.arg) and one.arg not in used):
            yield "limit.scale", f"{node.name} is given {name} and does not use it"
    elif isinstance(node, ast.Lambda):
        for name in (
            one.arg for one in node.args.args if is_limit(one.arg) and one.arg not in names_in(node.body)
        ):
            yield "limit.scale", f"what stands for a function is given {name} and does not use it"
    elif isinstance(node, ast.ExceptHandler) and node.type is not None and "Timeout" in ast.dump(node.type):
        if any(last_name(call) in _ENDS for call in calls_in(node.body)):
            yield "limit.end", "what runs too long is ended"
        if all(isinstance(part, ast.Pass | ast.Continue) for part in node.body):
            yield "limit.scale", "a time that ran out is passed over"


def unread(limits: Iterable[Fact], trees: Iterable[ast.Module]) -> Iterator[Fact]:
    """The ``limits`` of settings that no code names, where none is handed on unnamed."""
    named = [_looked_up(tree) for tree in trees]
    if None in named:
        return
    for fact in limits:
        if not any(stem(fact.key) in words for words in named if words is not None):
            yield fact._replace(kind="limit.scale", key=f"{stem(fact.key)} is read nowhere", value=None)


@lru_cache(maxsize=64)
def _looked_up(tree: ast.Module) -> frozenset[str] | None:
    """What a file could look up by name; None: it hands on whatever there is."""
    found = set()
    for node in nodes(tree):
        if isinstance(node, ast.keyword) and node.arg is None:
            return None
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < _LONGEST:
            found.add(stem(node.value))
    return frozenset(found)


def _is_stub(function: Function) -> bool:
    """Whether a function only says what another one does."""
    return all(isinstance(part, ast.Pass | ast.Raise) or _is_plain(part) for part in function.body)


def _is_plain(part: ast.stmt) -> bool:
    return isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
