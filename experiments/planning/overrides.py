"""``--set a.b.0=YAML``: one value of the config replaced on the command line."""

from collections.abc import Iterable
from typing import Any

from experiments.forms import parse_yaml
from sandbox.errors import Mistake

_WHERE = "--set"


def apply_overrides(document: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """``document`` with every ``a.b.0=YAML`` applied in order; the original is left as it was.

    A mapping gains keys that it lacks; a list only the index that follows its last.

    Raises:
        Mistake: an override has no ``=``, is not YAML, or its path leads nowhere.
    """
    result: Any = document
    for override in overrides:
        path, equals, text = override.partition("=")
        if not equals or not all(path.split(".")):
            raise Mistake(f"{override!r} is not KEY=YAML", where=_WHERE, remedy="write for example repeats=2")
        value = parse_yaml(text, where=f"{_WHERE} {path}")
        result = _replaced(result, path.split("."), value, path)
    assert isinstance(result, dict)
    return result


def _replaced(node: Any, keys: list[str], value: Any, path: str) -> Any:
    if not keys:
        return value
    head, rest = keys[0], keys[1:]
    if isinstance(node, list):
        if not head.isdecimal() or int(head) > len(node):
            problem = f"{head!r} is not an index of a list of {len(node)}"
            raise Mistake(problem, where=_WHERE, key=path, remedy=f"use 0 to {len(node)}")
        index = int(head)
        inner = node[index] if index < len(node) else None
        return [*node[:index], _replaced(inner, rest, value, path), *node[index + 1 :]]
    if node is None or isinstance(node, dict):
        mapping = node or {}
        return {**mapping, head: _replaced(mapping.get(head), rest, value, path)}
    problem = f"there is no {head!r} inside {node!r}"
    raise Mistake(problem, where=_WHERE, key=path, remedy="shorten the path")
