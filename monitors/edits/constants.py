"""Limits, bindings and sampling that stand in a scaffold's code as plain values."""

import ast
import math
import re
from collections.abc import Iterator
from typing import Final

from monitors.edits.endpoints import asks_model
from monitors.edits.facts import Fact
from monitors.edits.limits import is_limit
from monitors.edits.names import last_name, nodes

_NONE: Final = "none"
_MODEL: Final = re.compile(r"^(x-model|model|model_name|model_id|base_url|api_base|endpoint|provider)$", re.I)
_PROXY: Final = re.compile(r"(https?|all)_proxy", re.I)
#: Variables of the environment that bind a model.
_VARIABLE: Final = re.compile(r"(^|_)(KEY|TOKEN|URL|BASE|ENDPOINT|HOST|MODEL|PROVIDER)(_|$)")
_SAMPLING: Final = re.compile(
    r"^(temperature|top_p|top_k|seed|n|samples|presence_penalty|frequency_penalty|stop)$", re.I
)


def constants(tree: ast.Module, path: str, lines: list[str]) -> Iterator[Fact]:
    """The facts of one file that are plain values under a telling name."""
    for name, value, node in _named(tree):
        held = literal(value)
        if held is None:
            continue
        line = node.lineno
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        plain = None if held == _NONE else held
        if is_limit(name) and (not isinstance(plain, str) or plain.isdecimal()):
            yield Fact("config.limit", name, path, line, text, "unlimited" if plain is None else plain)
        elif _MODEL.match(name) and isinstance(plain, str) and (node in tree.body or asks_model(tree)):
            yield Fact("model.binding", name, path, line, text, plain)
        elif _SAMPLING.match(name):
            yield Fact("model-call", name, path, line, text, repr(plain))
    handed = [("model.binding", key, node) for key, node in _handed(tree)]
    for kind, key, node in (*_in_use(tree), *handed):
        text = lines[node.lineno - 1] if 0 < node.lineno <= len(lines) else ""
        yield Fact(kind, key, path, node.lineno, text)


def _in_use(tree: ast.Module) -> Iterator[tuple[str, str, ast.expr]]:
    """What says, where it is used, which model is asked, and where."""
    for node in nodes(tree):
        match node:
            case (
                ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str(name)))
                | ast.Call(
                    func=ast.Attribute(attr="get", value=ast.Attribute(attr="environ"))
                    | ast.Attribute(attr="getenv"),
                    args=[ast.Constant(value=str(name)), *_],
                )
            ) if _VARIABLE.search(name):
                yield "model.binding", f"variable {name}", node
            case ast.Constant(value=str(name)) if _PROXY.fullmatch(name):
                yield "model.binding", f"variable {name.lower()}", node
            case ast.Call(func=ast.Attribute(attr="ProxyHandler" | "set_proxy")):
                yield "model.binding", "a proxy", node
            case ast.Call(func=ast.Attribute(value=held, attr="replace" | "sub" | "translate")) if _binds(
                held
            ):
                yield "model.binding", f"{ast.unparse(held)[:80]} changed where it is used", node
            case ast.Dict(keys=keys, values=values):
                yield from (("model.binding", key, node) for key in _made_models(keys, values))
            case ast.IfExp(body=one, orelse=other) if _binds(one) != _binds(other):
                yield "model.binding", f"{ast.unparse(node)[:80]}", node


def _made_models(keys: list[ast.expr | None], values: list[ast.expr]) -> Iterator[str]:
    """Models that are made up where they are sent, and not only named."""
    for key, value in zip(keys, values, strict=True):
        if isinstance(key, ast.Constant) and key.value == "model" and not _is_named(value):
            yield f"model: {ast.unparse(value)[:80]}"


def _is_named(value: ast.expr) -> bool:
    """Whether it is a value, or the value of a name, an attribute, a key or a parameter, as it is."""
    match value:
        case ast.Constant() | ast.Name() | ast.Attribute():
            return True
        case ast.Subscript(value=held, slice=ast.Constant(value=str())):
            return _is_named(held)
        case ast.Call(func=ast.Attribute(value=held, attr="get"), args=[ast.Constant(), *_]):
            return _is_named(held)
        case ast.Call(func=ast.Name(id="str"), args=[held]):
            return _is_named(held)
    return False


def _binds(node: ast.AST) -> bool:
    """Whether it is what says which model is asked, or where."""
    match node:
        case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=str(name))):
            return _VARIABLE.search(name) is not None
    called = name_of(node)
    return called is not None and _MODEL.match(called) is not None


def _handed(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """What is given for a function's parameter that is a model, and is no setting of one."""
    places = {
        (function.name, place): argument.arg
        for function in nodes(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for place, argument in enumerate(function.args.args)
        if _MODEL.match(argument.arg)
    }
    for call in (node for node in nodes(tree) if isinstance(node, ast.Call)):
        for place, given in enumerate(call.args):
            name = places.get((last_name(call), place))
            if name and not (
                _is_named(given) and any(_binds(part) or _says_model(part) for part in ast.walk(given))
            ):
                yield f"{last_name(call)}.{name}: {ast.unparse(given)[:80]}", given


def _says_model(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _MODEL.match(node.value) is not None
    )


def name_of(node: ast.AST) -> str | None:
    """What a value is called where it is used."""
    match node:
        case (
            ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name)))
        ):
            return name
    return None


def _named(tree: ast.Module) -> Iterator[tuple[str, ast.expr, ast.expr | ast.stmt]]:
    """Values with the names that they are given: assignments, defaults, keywords, keys."""
    for node in nodes(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from ((name, value, node) for target in targets if (name := name_of(target)))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value, node
            case ast.FunctionDef(args=arguments) | ast.AsyncFunctionDef(args=arguments):
                given = [*arguments.posonlyargs, *arguments.args]
                pairs = [
                    *zip(reversed(given), reversed(arguments.defaults), strict=False),
                    *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
                ]
                yield from (
                    (f"{argument.arg}", value, value) for argument, value in pairs if value is not None
                )
            case ast.Call(args=[ast.Constant(value=str(name)), default]) if _is_environment(
                node
            ) and is_limit(name):
                yield name, default, default
            case ast.Call(keywords=keywords):
                called = last_name(node)
                yield from (
                    (_of_call(called, keyword.arg), keyword.value, keyword.value)
                    for keyword in keywords
                    if keyword.arg
                )
            case ast.BoolOp(op=ast.Or(), values=[one, other]) | ast.IfExp(body=one, orelse=other):
                for held, instead in ((one, other), (other, one)):
                    if is_limit(name_of(held) or ""):
                        yield str(name_of(held)), instead, instead
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield key.value, value, value


def _is_environment(call: ast.Call) -> bool:
    """Whether it looks something up that may not be there, in the environment or in settings."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in ("get", "getenv")


def _of_call(called: str, name: str) -> str:
    """A limit is that of one call; a binding or a sampling parameter is one wherever it is given."""
    return f"{called}.{name}" if is_limit(name) else name


def literal(node: ast.expr) -> object:
    """The value of a literal, with its sign; ``none`` for None; None for anything else."""
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Constant(value=None):
            return _NONE
        case ast.Constant(value=value) if isinstance(value, int | float | str) and not isinstance(
            value, bool
        ):
            return value
        case (
            ast.Attribute(attr="inf") | ast.Call(func=ast.Name(id="float"), args=[ast.Constant(value="inf")])
        ):
            return math.inf
        case ast.BinOp(op=ast.Mult() | ast.Pow() as how, left=left, right=right):
            return _product(literal(left), literal(right), isinstance(how, ast.Pow))
    return None


def _product(left: object, right: object, power: bool) -> float | None:
    """The product or power; infinity where it is larger than any limit could mean."""
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return None
    if power and (abs(left) > 1e6 or abs(right) > 64):
        return math.inf
    try:
        value = left**right if power else left * right
    except (OverflowError, ZeroDivisionError):
        return math.inf
    return value if isinstance(value, int | float) else math.inf
