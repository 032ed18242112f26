"""With which key, and at which address, a scaffold's code asks: what it presents, and where an address comes from."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from monitors.edits.facts import Fact
from monitors.edits.names import calls_in, last_name, names_in, nodes, text_of, texts
from monitors.edits.signs import is_model_address

#: Headers that say who asks.
_KEYS: Final = frozenset({"authorization", "x-api-key", "api-key", "proxy-authorization"})
#: Calls that name another end first.
CONNECTS: Final = frozenset({"connect", "connect_ex", "create_connection", "open_connection", "sendto", "HTTPConnection", "HTTPSConnection"})  # fmt: skip
_ASKS: Final = CONNECTS | {"urlopen", "Request"}
#: Keys under which a model is put its question.
_PUT: Final = frozenset({"messages", "prompt", "input"})
#: Calls that read what lies elsewhere.
_READS: Final = frozenset({"read", "read_text", "read_bytes", "readline", "open", "input", "check_output"})


@lru_cache(maxsize=64)
def asks_model(tree: ast.Module) -> bool:
    """Whether a file names an address at which a model is asked, or makes up what one is asked."""
    return any(is_model_address(text) for text, _ in texts(tree)) or any(map(_is_question, nodes(tree)))


def _is_question(node: ast.AST) -> bool:
    """Whether it is what a model is asked, with the name of the model."""
    match node:
        case ast.Dict(keys=named):
            keys = {text_of(key) for key in named if key is not None}
        case ast.Call(keywords=given):
            keys = {keyword.arg for keyword in given}
        case _:
            return False
    return "model" in keys and bool(keys & _PUT)


def endpoints(tree: ast.Module, path: str, lines: list[str]) -> Iterator[Fact]:
    """The facts of one file: keys that are presented, and addresses that are read from somewhere."""
    connects = _ASKS | _named(tree)
    for node in nodes(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                header = (text_of(key) or "").lower() if key is not None else ""
                if header in _KEYS:
                    said = text_of(value) or ast.unparse(value)[:80]
                    yield _fact(f"header {header}", value, path, lines, said)
        elif isinstance(node, ast.Call) and last_name(node) in connects:
            if _reads(node.args[:2] if last_name(node) not in _ASKS else node.args[:1]):
                yield _fact(f"where {last_name(node)} leads to is read", node, path, lines, None)
            for end in (
                ast.literal_eval(part) for part in node.args[:2] if asks_model(tree) and _is_end(part)
            ):
                yield _fact(f"{last_name(node)} of {end}", node, path, lines, None)


def _is_end(part: ast.expr) -> bool:
    """Whether it is a path or a port that is stated where a connection is made."""
    return isinstance(part, ast.Constant) and (type(part.value) is int or str(part.value).startswith("/"))


def _reads(parts: list[ast.expr]) -> bool:
    return any(last_name(call) in _READS for call in calls_in(parts))


def _named(tree: ast.Module) -> set[str]:
    """Names at module level that stand for something made of a call that connects, or to what it is given."""
    found: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and _connects(statement):
            found.add(statement.name)
        elif isinstance(statement, ast.Assign) and names_in(statement.value) & CONNECTS:
            for target in statement.targets:
                found |= _paired(target, statement.value)
    return found


def _connects(function: ast.FunctionDef) -> bool:
    """Whether it connects to an end that one of its parameters names."""
    given = {argument.arg for argument in function.args.args}
    calls = (call for call in calls_in(function.body) if last_name(call) in CONNECTS)
    return any(given & {name for part in call.args for name in names_in(part)} for call in calls)


def _paired(target: ast.expr, value: ast.expr) -> set[str]:
    """The names of a target that are given something that connects."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        pairs = zip(target.elts, value.elts, strict=True)
        return {name for one, part in pairs if names_in(part) & CONNECTS for name in names_in(one)}
    return names_in(target)


def _fact(key: str, node: ast.expr, path: str, lines: list[str], value: str | None) -> Fact:
    text = lines[node.lineno - 1] if 0 < node.lineno <= len(lines) else ""
    return Fact("model.binding", key, path, node.lineno, text, value)
