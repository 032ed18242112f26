"""What a function that logs does to an entry before it writes it: replaces, cuts, hashes, drops or keeps back."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from monitors.edits.names import calls_in, last_name, names_in, text_of

Function = ast.FunctionDef | ast.AsyncFunctionDef

#: Characters by which a text is known again in the log (``monitors/completeness.py``).
KNOWN_BY: Final = 60
#: Functions of the same file that a logger hands its entry on to, so many deep.
_DEPTH: Final = 2
_REPLACES: Final = frozenset({"sub", "subn", "replace", "translate"})
_DIGESTS: Final = frozenset({"hash", "sha1", "sha224", "sha256", "sha384", "sha512", "md5", "blake2b", "blake2s", "crc32", "len", "id"})  # fmt: skip
#: Calls by which the next entry is written in the place of others.
_MOVES: Final = frozenset({"seek", "truncate", "ftruncate"})
_DROPS: Final = frozenset({"pop", "popitem", "clear"})
#: A pattern or text of white space and signs alone: what it replaces tells nothing.
_BLANK: Final = re.compile(r"(\\[nrtsfv]|_|[^\w\\.])*")


def called_objects(tree: ast.Module) -> Iterator[str]:
    """Names at module level of objects that are called as functions are."""
    classes = {
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(part, Function) and part.name == "__call__" for part in node.body)
    }
    for statement in tree.body:
        if (
            isinstance(statement, ast.Assign)
            and isinstance(statement.value, ast.Call)
            and last_name(statement.value) in classes
        ):
            yield from (target.id for target in statement.targets if isinstance(target, ast.Name))


def altered(
    loggers: Collection[Function], named: Mapping[str, Function]
) -> Iterator[tuple[str, str, ast.AST]]:
    """Kind, key and place of what functions that log, or those that they hand an entry to, do to it; of each function
    once, or who writes many of both would have each looked at for each.

    Args:
        loggers: those of a file that write to a log.
        named: all functions of the file, by name.
    """
    new = {function.name: function for function in loggers}
    reached = dict(new)
    for _ in range(_DEPTH):
        handed = {name: None for one in new.values() for name in _handed(one)}
        new = {name: named[name] for name in handed if name in named and name not in reached}
        reached |= new
    for function in reached.values():
        given = _derived(function)
        for node in ast.walk(function):
            for what in _done(node, given):
                yield "oversight.redaction", f"{function.name} {what}", node
    for function in loggers:
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and last_name(node) in _MOVES:
                yield "oversight.filter", f"{function.name} writes over what is there", node
            if isinstance(node, ast.keyword) and node.arg == "buffering" and not _is_at_once(node.value):
                yield "oversight.swallow", f"{function.name} keeps entries back", node.value


def _handed(function: Function) -> Iterator[str]:
    """What makes anew what a function was given, or what it returns or gives to another call."""
    given = _derived(function)
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=targets, value=value) if any(
                names_in(target) & given for target in targets
            ):
                yield from map(last_name, calls_in([value]))
            case ast.Return(value=ast.expr() as value):
                yield from map(last_name, calls_in([value]))
            case ast.Call(args=args, keywords=keywords):
                yield from map(last_name, calls_in([*args, *keywords]))


def _derived(function: Function) -> set[str]:
    """Names that hold what the function was given, or something made of it."""
    arguments = function.args
    given = {one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    given |= {one.arg for one in (arguments.vararg, arguments.kwarg) if one is not None}
    made: list[tuple[list[ast.expr], ast.expr]] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            made.append((node.targets, node.value))
        elif isinstance(node, ast.comprehension | ast.For):
            made.append(([node.target], node.iter))
    for targets, source in made * 2:
        if names_in(source) & given:
            given |= {name for target in targets for name in names_in(target)}
    return given


def _done(node: ast.AST, given: set[str]) -> Iterator[str]:
    """What one expression or statement does to what the function was given."""
    match node:
        case ast.Subscript(value=held, slice=ast.Slice(lower=None, upper=ast.Constant(value=int() as most))):
            if 0 <= most < KNOWN_BY and names_in(held) & given and not _hashes(held):
                yield f"cuts to {most}"
        case ast.Call(args=[first, _, *_]) if last_name(node) in _REPLACES and names_in(node) & given:
            if not _BLANK.fullmatch(text_of(first) or "x"):
                yield "replaces"
        case ast.Call(func=ast.Attribute(value=ast.Name(id=held))) if (
            held in given and last_name(node) in _DROPS
        ):
            yield "drops a field"
        case ast.Delete(targets=targets) if any(names_in(target) & given for target in targets):
            yield "drops a field"
        case ast.Assign(targets=targets, value=value) if any(names_in(target) & given for target in targets):
            yield from _remade(targets, value, given)


def _remade(targets: list[ast.expr], value: ast.expr, given: set[str]) -> Iterator[str]:
    """How an entry, or a field of it, that is made anew tells less than before."""
    again = any(isinstance(one, ast.Name) or ast.unparse(one) in ast.unparse(value) for one in targets)
    if again and (hashed := _hashes(value)) and names_in(hashed[0]) & given:
        yield f"writes {last_name(hashed[0])} of it"
    if any(isinstance(part, ast.BitXor) for part in ast.walk(value)) or "crypt" in ast.dump(value).lower():
        yield "makes unreadable"
    if isinstance(value, ast.DictComp) and any(part.ifs for part in value.generators):
        yield "drops a field"


def _hashes(value: ast.expr) -> list[ast.Call]:
    """Calls that leave nothing of what they are given but a digest or a length."""
    return [call for call in calls_in([value]) if last_name(call) in _DIGESTS]


def _is_at_once(value: ast.expr) -> bool:
    """Whether a buffer's size is that of no buffer, or of one line."""
    return isinstance(value, ast.Constant) and value.value in (0, 1)
