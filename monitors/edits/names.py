"""What names and texts in a Python file stand for: imports resolved, constants put together."""

import ast
import base64
import binascii
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

#: Characters of a text that is put together.
_LONGEST: Final = 4_000
#: The first number that is no letter of ASCII.
_LAST: Final = 128
_DECODERS: Final = frozenset({"b64decode", "urlsafe_b64decode", "fromhex"})


def dotted(node: ast.AST, aliases: dict[str, str]) -> str:
    """``a.b.c`` of a name or an attribute, with imports resolved; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Call):
        parts.append("()")
    elif isinstance(node, ast.Name):
        parts.append(aliases.get(node.id, node.id))
    else:
        return ""
    return ".".join(reversed(parts))


@lru_cache(maxsize=64)
def nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    """Every node of a file, as ``ast.walk`` gives them, which takes long: kept, for all who look through it."""
    return tuple(ast.walk(tree))


def imports(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Every module, or name of a module, that is imported anywhere in a file."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module or ''}.{alias.name}".strip("."), node) for alias in node.names)


def aliases_of(tree: ast.Module) -> dict[str, str]:
    """Local name → what was imported under it."""
    found: dict[str, str] = {}
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def text_of(node: ast.AST) -> str | None:
    """The text that an expression of constants makes: a literal, a sum of literals, what base64 or
    hexadecimal literals say; None for what only running it would tell."""
    text: str | None = None
    match node:
        case ast.Constant(value=str() as literal):
            text = literal
        case ast.Constant(value=bytes() as raw):
            text = raw[:_LONGEST].decode("utf-8", "replace")
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            text = _joined("", [text_of(left), text_of(right)])
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            text = _joined("/", [text_of(left), text_of(right)])
        case ast.JoinedStr(values=values):
            text = "".join(text_of(value) or "" for value in values)
        case ast.BinOp(op=ast.Mod(), left=ast.Constant(value=str(form)), right=given):
            text = _filled(form, "%s", given.elts if isinstance(given, ast.Tuple) else [given])
        case ast.Subscript(
            value=held,
            slice=ast.Slice(lower=None, upper=None, step=ast.UnaryOp(operand=ast.Constant(value=1))),
        ):
            text = (text_of(held) or "")[::-1] or None
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(form)), attr="format"), args=parts):
            text = _filled(form, "{}", parts)
        case ast.Call():
            text = _of_call(node)
    return None if text is None else text[:_LONGEST]


def _of_call(call: ast.Call) -> str | None:
    match call:
        case ast.Call(
            func=ast.Attribute(value=glue, attr="join"), args=[ast.List(elts=parts) | ast.Tuple(elts=parts)]
        ):
            return _joined(text_of(glue), [text_of(part) for part in parts])
        case ast.Call(func=ast.Attribute(attr="decode" | "encode", value=inner)):
            return text_of(inner)
        case (
            ast.Call(func=ast.Attribute(value=ast.Attribute(attr="path"), attr="join"), args=[*parts])
            | ast.Call(func=ast.Name(id="Path" | "PurePath" | "PosixPath" | "PurePosixPath"), args=[*parts])
        ) if parts:
            return _joined("/", [text_of(part) for part in parts])
        case (
            ast.Call(func=ast.Name(id="bytes" | "bytearray"), args=[numbers])
            | ast.Call(
                func=ast.Attribute(value=ast.Constant(value=""), attr="join"),
                args=[
                    ast.Call(args=[_, numbers])
                    | ast.GeneratorExp(generators=[ast.comprehension(iter=numbers)])
                ],
            )
        ):
            return _numbered(numbers)
        case ast.Call(args=[inner, *_]) if last_name(call) in _DECODERS:
            return _decoded(last_name(call), text_of(inner))
    return None


def _filled(form: str, gap: str, parts: list[ast.expr]) -> str | None:
    """A form whose gaps are filled by texts in their order; None where they are of another kind."""
    given = [text_of(part) for part in parts]
    pieces = form.split(gap)
    if len(pieces) != len(given) + 1 or any(text is None for text in given):
        return None
    return "".join(piece + (text or "") for piece, text in zip(pieces, [*given, ""], strict=True))


def _numbered(node: ast.expr) -> str | None:
    """The text of a list of numbers, as ``bytes`` or ``chr`` make it."""
    if not isinstance(node, ast.List | ast.Tuple):
        return None
    numbers = [part.value for part in node.elts if isinstance(part, ast.Constant) and type(part.value) is int]
    if len(numbers) != len(node.elts) or not all(0 < number < _LAST for number in numbers):
        return None
    return "".join(map(chr, numbers))


def _joined(glue: str | None, parts: list[str | None]) -> str | None:
    if glue is None or any(part is None for part in parts):
        return None
    return glue.join(part for part in parts if part is not None)


def _decoded(way: str, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        raw = bytes.fromhex(text) if way == "fromhex" else base64.b64decode(text, altchars=b"-_")
    except (binascii.Error, ValueError):
        return None
    return raw.decode("utf-8", "replace")


def texts(tree: ast.AST) -> Iterable[tuple[str, ast.expr]]:
    """Every text that the file holds or puts together, the largest expression first, docstrings left out."""
    return _texts_of(tree) if isinstance(tree, ast.Module) else _texts(ast.walk(tree))


@lru_cache(maxsize=64)
def _texts_of(tree: ast.Module) -> tuple[tuple[str, ast.expr], ...]:
    """Kept, as ``nodes`` are."""
    return tuple(_texts(nodes(tree)))


def _texts(found: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    skipped: set[int] = set()
    for node in found:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        if id(node) in skipped or not isinstance(node, ast.expr):
            continue
        text = text_of(node)
        if text is not None:
            skipped.update(id(inner) for inner in ast.walk(node))
            yield text, node


def put_together(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Texts that are made of texts which names at module level stand for."""
    held = {
        target.id: text
        for statement in tree.body
        if isinstance(statement, ast.Assign) and (text := text_of(statement.value)) is not None
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for node in nodes(tree) if held else ():
        if isinstance(node, ast.JoinedStr | ast.BinOp) and names_in(node) & held.keys():
            text = _with(node, held)
            if text:
                yield text[:_LONGEST], node


def _with(node: ast.expr, held: dict[str, str]) -> str:
    """The text of an expression, as far as literals and names that are known make it."""
    match node:
        case ast.Name(id=name):
            return held.get(name, "")
        case ast.FormattedValue(value=value):
            return _with(value, held)
        case ast.JoinedStr(values=values):
            return "".join(_with(value, held) for value in values)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _with(left, held) + _with(right, held)
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            return f"{_with(left, held)}/{_with(right, held)}"
    return text_of(node) or ""


def labels(tree: ast.Module) -> set[int]:
    """Identities of what something is looked up by or compared with: ``data["x_test"]`` names no file."""
    found: list[ast.expr | None] = []
    for node in nodes(tree):
        match node:
            case ast.Subscript(slice=key):
                found.append(key)
            case ast.Dict(keys=keys):
                found += keys
            case ast.Compare(comparators=others):
                found += [part for other in others for part in ast.walk(other) if isinstance(part, ast.expr)]
    return {id(node) for node in found}


def names_in(node: ast.AST) -> set[str]:
    """Plain names that an expression or statement reads or writes."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def calls_in(nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
    """Every call below these nodes."""
    for node in nodes:
        yield from (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))


def last_name(call: ast.Call) -> str:
    """The name that is called: ``c`` of ``a.b.c()``."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def called(call: ast.Call, aliases: dict[str, str]) -> str:
    """The own name of what is called, under whatever name it was imported."""
    return dotted(call.func, aliases).rpartition(".")[2] or last_name(call)
