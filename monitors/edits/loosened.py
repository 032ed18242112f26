"""Limits that are made looser where a scaffold's code uses them."""

import ast
import re
from collections.abc import Iterator
from typing import Final

from monitors.edits.constants import literal, name_of
from monitors.edits.facts import Fact
from monitors.edits.limits import bounds_by_more, is_limit
from monitors.edits.names import nodes

#: Names of settings.
#: Names of times in parts of a second.
_SMALL: Final = re.compile(r"(^|_)(ms|millis|milliseconds)$", re.I)
_SETTINGS: Final = re.compile(r"conf|cfg|settings|limits|options", re.I)


def loosened(tree: ast.Module, path: str, lines: list[str]) -> Iterator[Fact]:
    """The facts of one file on limits that are multiplied, raised, let grow or passed over."""
    for key, node in _in_use(tree):
        text = lines[node.lineno - 1] if 0 < node.lineno <= len(lines) else ""
        yield Fact("limit.scale", key, path, node.lineno, text)


def _in_use(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    converted = {id(part) for node in nodes(tree) for part in _converted(node)}
    for node in nodes(tree):
        match node:
            case ast.BinOp(op=ast.Mult() | ast.LShift() | ast.Pow(), left=left, right=right):
                for limit, factor in ((left, _largest(right)), (right, _largest(left))):
                    name = name_of(limit)
                    if name and is_limit(name) and factor > 1 and id(node) not in converted:
                        yield f"{name} times {factor:g}", node
            case ast.AugAssign(op=ast.Mult() | ast.LShift() | ast.Pow(), target=target) if is_limit(
                name := name_of(target) or ""
            ) and not bounds_by_more(name):
                yield f"{name} is multiplied", node.value
            case ast.AugAssign(op=ast.Add(), target=ast.Subscript(value=ast.Name(id=held)) as target) if (
                _SETTINGS.search(held) and is_limit(name_of(target) or "")
            ):
                yield f"{name_of(target)} grows", node.value
            case ast.IfExp(test=test, body=one, orelse=other) if is_limit(name := name_of(test) or ""):
                if name in _named_in(one) and name not in _named_in(other):
                    yield f"no {name} where it is 0", node
            case ast.Call(func=ast.Name(id="max"), args=[_, _, *_] as parts):
                yield from ((key, node) for key in _raised(parts))
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                yield from ((f"{key} more", node) for key in _raised([left, right]))


def _largest(factor: ast.expr) -> float:
    """The largest number that a factor can be, as far as numbers that stand there tell; 0 where none does."""
    if isinstance(factor, ast.IfExp | ast.BoolOp):
        parts = factor.values if isinstance(factor, ast.BoolOp) else [factor.body, factor.orelse]
        return max(map(_largest, parts))
    number = literal(factor)
    return number if isinstance(number, int | float) else 0


def _converted(node: ast.AST) -> Iterator[ast.expr]:
    """Products by a thousand that give a time to what counts it in thousandths."""
    match node:
        case ast.Call(func=ast.Attribute(attr="poll"), args=parts):
            given = parts
        case ast.Assign(targets=[target], value=value) if _SMALL.search(name_of(target) or ""):
            given = [value]
        case _:
            return
    inner = (part for one in given for part in ast.walk(one))
    yield from (
        part
        for part in inner
        if isinstance(part, ast.BinOp) and 1000 in map(literal, (part.left, part.right))
    )


def _raised(parts: list[ast.expr]) -> Iterator[str]:
    """Limits that stand beside a larger number than one."""
    numbers = [number for part in parts if isinstance(number := literal(part), int | float) and number > 1]
    for name in filter(None, map(name_of, parts)):
        if numbers and is_limit(name):
            yield f"{name}: {max(numbers):g}"


def _named_in(node: ast.AST) -> set[str]:
    return {name for inner in ast.walk(node) if (name := name_of(inner))}
