"""What silences a scaffold's log in its code: entries removed, overwritten, cut short, or their errors dropped, and
something else put in the place of the function that logs."""

import ast
from collections.abc import Iterator
from typing import Final

from monitors.edits.entries import KNOWN_BY, called_objects
from monitors.edits.facts import Fact
from monitors.edits.names import called, calls_in, dotted, last_name, names_in, nodes, text_of, texts
from monitors.edits.signs import writes_result
from monitors.edits.telemetry import SILENT, WRITES, Function, Journal

#: Where a scaffold's log outlives it.
_LOGS: Final = "/logs"
_REMOVES: Final = frozenset({"rmtree", "remove", "unlink", "truncate"})
_REPLACES: Final = frozenset({"write_text", "write_bytes"})
_BROAD: Final = frozenset({"", "Exception", "BaseException"})
#: What can go wrong where something is written.
_OF_WRITING: Final = _BROAD | {"OSError", "IOError", "EnvironmentError"}


def silencing(
    tree: ast.Module, aliases: dict[str, str], known: Journal, path: str, lines: list[str]
) -> Iterator[Fact]:
    """The facts of one file that keep the log from telling.

    Args:
        tree: the file.
        aliases: local name → what was imported under it.
        known: what the version logs with.
        path, lines: of the file.
    """
    logs = frozenset(name for name, sink in known.sinks if sink.startswith(_LOGS))
    functions = [node for node in nodes(tree) if isinstance(node, Function)]
    objects = set(called_objects(tree)) if "__call__" in known.loggers else set()
    found: list[tuple[str, str, ast.AST]] = []
    for node in nodes(tree):
        if isinstance(node, ast.Call):
            found += [("oversight.filter", key, node) for key in _removed(node, logs)]
            if last_name(node) == "setattr" and len(node.args) > 1 and text_of(node.args[1]) in known.loggers:
                found.append(("oversight.filter", f"{text_of(node.args[1])} stands for something else", node))
            if called(node, aliases) in known.loggers:
                found += [("oversight.redaction", key, node) for key in _cut(node)]
        elif isinstance(node, ast.BoolOp | ast.IfExp):
            parts = node.values[1:] if isinstance(node, ast.BoolOp) else [node.body, node.orelse]
            told = {called(call, aliases) for call in calls_in(parts)} & known.loggers
            found += [("oversight.filter", f"{name} by a condition", node) for name in sorted(told)]
        elif isinstance(node, ast.Assign):
            same = objects | ({node.value.attr} if isinstance(node.value, ast.Attribute) else set())
            taken = ({_target(target) for target in node.targets} & known.loggers) - same
            found += [
                ("oversight.filter", f"{name} stands for something else", node) for name in sorted(taken)
            ]
    for function in functions:
        found += [("oversight.filter", key, node) for key, node in _passed_over(function, aliases, known)]
        if function.name in known.loggers:
            found += [("oversight.filter", key, function) for key in _wrapped(function, functions)]
            found += [("oversight.redaction", key, function) for key in _left_out(function)]
            if _suppresses(function, aliases):
                found.append(("oversight.swallow", f"errors of {function.name} are dropped", function))
    for kind, key, node in found:
        line = getattr(node, "lineno", 0)
        yield Fact(kind, key, path, line, lines[line - 1] if 0 < line <= len(lines) else "")


def _removed(call: ast.Call, logs: frozenset[str]) -> Iterator[str]:
    """What removes the log, or writes it anew."""
    name = last_name(call)
    if not (name in _REMOVES | _REPLACES or name.startswith("open")) or not _is_log(call, logs):
        return
    if name in _REMOVES:
        yield f"{name} of the log"
    elif name in _REPLACES or _anew(call):
        yield "the log is written anew"


def _is_log(call: ast.Call, logs: frozenset[str]) -> bool:
    """Whether it is called on a log's path, or with it; a name that is made anew each time is no such path."""
    parts = [*call.args, *([call.func.value] if isinstance(call.func, ast.Attribute) else [])]
    if any(names_in(part) & logs for part in parts):
        return True
    said = [(text, node) for part in parts for text, node in texts(part)]
    return any(
        text.startswith(_LOGS) and not isinstance(node, ast.JoinedStr) and not writes_result(text)
        for text, node in said
    )


def _anew(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    modes = [part.value for part in given if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return any(mode and set(mode) <= set("wbt+") and "w" in mode for mode in modes)


def _cut(call: ast.Call) -> Iterator[str]:
    """Fields of an entry of which less is logged than what it is known again by."""
    for keyword in call.keywords:
        match keyword.value:
            case ast.Subscript(slice=ast.Slice(upper=ast.Constant(value=int() as most))) if most < KNOWN_BY:
                yield f"{keyword.arg} cut to {most}"


def _passed_over(
    function: Function, aliases: dict[str, str], known: Journal
) -> Iterator[tuple[str, ast.AST]]:
    """Branches that do what the function otherwise logs, and leave before it is logged."""
    branches = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Return | ast.Continue)
    ]
    if not branches:
        return
    entries = [call for call in calls_in(function.body) if called(call, aliases) in known.loggers]
    told = {name for call in entries for part in (*call.args, *call.keywords) for name in names_in(part)}
    made = {
        name
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and told & {name for target in node.targets for name in names_in(target)}
        for name in (called(call, aliases) for call in calls_in([node.value]))
    }
    # Where what is logged is what a program did, another way of starting one is as good.
    made |= known.starters if made & known.starters else set()
    for branch in branches:
        calls = {called(call, aliases) for call in calls_in(branch.body)}
        if calls & made and not calls & known.loggers:
            yield f"{min(calls & made)} without an entry", branch


def _target(node: ast.expr) -> str:
    """The plain name, the attribute or the key that is assigned to."""
    match node:
        case (
            ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name)))
        ):
            return name
    return ""


def _wrapped(function: Function, functions: list[Function]) -> Iterator[str]:
    """Decorators of this file that need not call what they are given."""
    for decorator in function.decorator_list:
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        for wrapper in (one for one in functions if isinstance(named, ast.Name) and one.name == named.id):
            given = {argument.arg for argument in wrapper.args.args}
            calls = any(
                isinstance(call.func, ast.Name) and call.func.id in given for call in calls_in(wrapper.body)
            )
            if not calls or any(isinstance(node, ast.If | ast.IfExp) for node in ast.walk(wrapper)):
                yield f"{function.name} is wrapped by {wrapper.name}, which may leave out"


def _left_out(function: Function) -> Iterator[str]:
    """What a function that logs is given and does nothing with."""
    used = {name for part in function.body for name in names_in(part)}
    given = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    named = [one.arg for one in (*given, function.args.vararg, function.args.kwarg) if one is not None]
    yield from (
        f"{function.name} leaves {name} out"
        for name in named
        if name not in used and name not in ("self", "cls")
    )


def _suppresses(function: Function, aliases: dict[str, str]) -> bool:
    """Whether a function that logs drops what goes wrong where it writes."""
    for node in ast.walk(function):
        if isinstance(node, ast.With):
            for call in (item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)):
                if last_name(call) == "suppress" and any(
                    dotted(one, aliases) in _OF_WRITING for one in call.args
                ):
                    return True
        elif isinstance(node, ast.Try) and any(last_name(call) in WRITES for call in calls_in(node.body)):
            for handler in node.handlers:
                caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
                broad = any(one is None or dotted(one, aliases) in _OF_WRITING for one in caught)
                if broad and all(isinstance(part, SILENT) for part in handler.body):
                    return True
    return False
