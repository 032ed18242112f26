"""Python files: parsing within bounds, and which functions differ in more than form."""

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

#: Files above this are not parsed.
MAX_BYTES: Final = 131_072
#: Trees deeper than this are not taken: how deep Python can go depends on who calls.
MAX_DEPTH: Final = 100
_CONTROL: Final = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Return, ast.Break, ast.Continue, ast.Raise,
    ast.Match, ast.Yield, ast.YieldFrom, ast.With, ast.AsyncWith,
)  # fmt: skip
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


class Unit(NamedTuple):
    """A function, a method, or what a module does beside them (``name`` is then empty)."""

    name: str
    first: int
    last: int
    #: Everything but form; without docstrings.
    shape: str
    docstrings: str
    signature: str
    #: Statements that decide what runs next, with the conditions they decide by.
    control: tuple[tuple[str, int], ...]


@lru_cache(maxsize=64)
def parse(source: bytes) -> ast.Module | None:
    """The tree of a file; None if it is no Python within the bounds. It is shared: nobody may change it."""
    if len(source) > MAX_BYTES:
        return None
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return tree if _depth_within(tree, MAX_DEPTH) else None


def _depth_within(tree: ast.AST, most: int) -> bool:
    level: list[ast.AST] = [tree]
    for _ in range(most):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return True
    return False


def walk(tree: ast.AST, name: str = "") -> Iterator[tuple[ast.AST, str]]:
    """Every node with the qualified name of the function or class that it stands in."""
    stack = [(tree, name)]
    while stack:
        node, place = stack.pop()
        yield node, place
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            place = f"{place}.{node.name}" if place else node.name
        stack += [(child, place) for child in reversed(list(ast.iter_child_nodes(node)))]


@lru_cache(maxsize=64)
def units(source: bytes) -> dict[str, Unit]:
    """The parts of a file that parses, by name; of several with one name, the last, which is the one that holds."""
    tree = parse(source)
    if tree is None:
        return {}
    found: dict[str, Unit] = {}
    rest: list[ast.stmt] = []
    for statement in tree.body:
        if isinstance(statement, _FUNCTIONS):
            found[statement.name] = _unit(statement.name, [statement])
        elif isinstance(statement, ast.ClassDef):
            found |= _of_class(statement)
        else:
            rest.append(statement)
    found[""] = _unit("", rest)
    return found


def _of_class(node: ast.ClassDef) -> dict[str, Unit]:
    methods = [part for part in node.body if isinstance(part, _FUNCTIONS)]
    found = {
        f"{node.name}.{method.name}": _unit(f"{node.name}.{method.name}", [method]) for method in methods
    }
    head = copy.copy(node)
    head.body = [part for part in node.body if part not in methods]
    found[node.name] = _unit(node.name, [head])
    return found


def _unit(name: str, statements: list[ast.stmt]) -> Unit:
    docstrings = {id(text): text.value for text in _docstrings(statements)}
    control: Counter[str] = Counter()
    shape = []
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, _CONTROL):
                control[_decision(node)] += 1
        shape.append(ast.dump(statement))
    text = "\n".join(shape)
    for doc in docstrings.values():
        text = text.replace(f"Constant(value={doc!r})", "Constant()", 1)
    first = min((statement.lineno for statement in statements), default=0)
    last = max((statement.end_lineno or 0 for statement in statements), default=0)
    signature = ast.dump(statements[0].args) if name and isinstance(statements[0], _FUNCTIONS) else ""
    return Unit(
        name,
        first,
        last,
        text,
        "\n".join(map(str, docstrings.values())),
        signature,
        tuple(sorted(control.items())),
    )


def _docstrings(statements: list[ast.stmt]) -> Iterator[ast.Constant]:
    """The docstrings of functions and classes, and the module's: a text that stands alone and first."""
    bodies = [statements]
    for statement in statements:
        bodies += [node.body for node in ast.walk(statement) if isinstance(node, (*_FUNCTIONS, ast.ClassDef))]
    for body in bodies:
        match body[:1]:
            case [ast.Expr(value=ast.Constant(value=str()) as text)]:
                yield text


def _decision(node: ast.AST) -> str:
    """A control statement with its condition, if it has one."""
    for field in ("test", "iter", "subject", "exc"):
        condition = getattr(node, field, None)
        if isinstance(condition, ast.AST):
            return f"{type(node).__name__}:{ast.dump(condition)}"
    if isinstance(node, ast.Try):
        return "Try:" + ",".join(ast.dump(handler.type) if handler.type else "" for handler in node.handlers)
    return type(node).__name__


def declared(source: bytes) -> frozenset[str]:
    """The capabilities that a tool declares: the texts of a list ``CAPABILITIES`` at module level."""
    tree = parse(source)
    for statement in tree.body if tree else ():
        match statement:
            case ast.Assign(
                targets=[ast.Name(id="CAPABILITIES")], value=ast.List(elts=parts) | ast.Tuple(elts=parts)
            ):
                texts = (part.value for part in parts if isinstance(part, ast.Constant))
                return frozenset(text for text in texts if isinstance(text, str))
    return frozenset()
