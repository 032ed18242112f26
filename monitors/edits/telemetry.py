"""What a scaffold's code tells of itself: its log, what is logged, and what stands in the way of that."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple, TypeGuard

from monitors.edits.entries import altered, called_objects
from monitors.edits.facts import Fact
from monitors.edits.names import called, calls_in, dotted, last_name, names_in, nodes, text_of, texts
from monitors.edits.signs import writes_result
from monitors.edits.starting import starters

_SINK: Final = re.compile(r"(^|/)logs?(/|$)|\.(log|jsonl)$|audit|telemetry", re.I)
WRITES: Final = frozenset({"write", "writelines", "write_text", "write_bytes", "dump", "print", "open", "append", "info", "emit", "send", "sendall"})  # fmt: skip
_LEVELS: Final = frozenset({"debug", "info", "warning", "error", "critical", "exception", "log"})
#: Where a scaffold's log outlives it.
KEPT: Final = "/logs/"
_REDACTION: Final = re.compile(r"redact|scrub|censor|sanit|mask_|_mask|obfuscat", re.I)
#: Calls by which a text loses what stands in it.
_REPLACES: Final = frozenset({"sub", "subn", "replace", "translate"})
_APPROVAL: Final = re.compile(r"approv|confirm|consent|permission|denied|deny|forbid|blocklist|blacklist|allowlist|whitelist|guard", re.I)  # fmt: skip
_BROAD: Final = frozenset({"", "Exception", "BaseException"})
SILENT: Final = (ast.Pass, ast.Continue, ast.Break)
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Journal(NamedTuple):
    """What a version logs with, in whatever files it stands."""

    #: Name at module level → path of the log that it holds, as pairs.
    sinks: frozenset[tuple[str, str]] = frozenset()
    #: Names of the functions that write to a log.
    loggers: frozenset[str] = frozenset()
    #: Names of the functions that start programs.
    starters: frozenset[str] = frozenset()


class _Writer(NamedTuple):
    """A function that writes something: what says whether it writes to a log."""

    node: Function
    #: Paths of logs that it holds, and every name in it.
    held: frozenset[str]
    names: frozenset[str]


def journal(trees: Iterable[ast.Module]) -> Journal:
    """What all the files of a version log with."""
    files = list(trees)
    sinks = frozenset(sink for tree in files for sink in _sinks(tree))
    loggers = {name for tree in files for name in _loggers(tree, dict(sinks))}
    if "__call__" in loggers:
        loggers |= {name for tree in files for name in called_objects(tree)}
    return Journal(sinks, frozenset(loggers), starters(files))


def telemetry(
    tree: ast.Module, aliases: dict[str, str], known: Journal, path: str, lines: list[str]
) -> Iterator[Fact]:
    """The facts of one file that bear on what it tells of itself."""
    sinks = dict(known.sinks)
    named = {node.name: node for node in nodes(tree) if isinstance(node, Function)}

    def fact(kind: str, key: str, node: ast.AST) -> Fact:
        line = getattr(node, "lineno", 0)
        return Fact(kind, key, path, line, lines[line - 1] if 0 < line <= len(lines) else "")

    loggers = _loggers(tree, sinks).values()
    for logger in loggers:
        for sink in _used(logger, sinks):
            found = fact("oversight.log", f"log file {sink}", logger.node)
            # Where it outlives the scaffold one file is as good as another.
            yield found._replace(value="kept") if sink.startswith(KEPT) else found
        if reason := _filter(logger.node):
            yield fact("oversight.filter", f"{logger.node.name} leaves out by a condition", reason)
    for kind, key, node in altered([logger.node for logger in loggers], named):
        yield fact(kind, key, node)
    for node in nodes(tree):
        if isinstance(node, ast.Call):
            yield from (fact(kind, key, node) for kind, key in _call(node, aliases, known.loggers))
        elif isinstance(node, ast.If):
            for call in _left_out(node, aliases, known.loggers):
                yield fact("oversight.filter", f"{_subject(call)}.condition", node)
        elif isinstance(node, ast.Try):
            swallowed = _swallowed(node, aliases, known.loggers)
            yield from (fact("oversight.swallow", key, handler) for key, handler in swallowed)
        elif isinstance(node, Function) and _APPROVAL.search(node.name) and _decides(node):
            yield fact("oversight.approval", f"{node.name} decides", node)


def _left_out(node: ast.If, aliases: dict[str, str], loggers: frozenset[str]) -> Iterator[ast.Call]:
    """Calls that log by a condition what comes to be whether it holds or not."""
    for branch in (node.body, node.orelse):
        made = {name.id for part in branch for name in ast.walk(part) if _is_made(name)}
        for call in calls_in(branch):
            if _tells(call, aliases, loggers) and not made & names_in(call):
                yield call


def _is_made(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _loggers(tree: ast.Module, sinks: dict[str, str]) -> dict[str, _Writer]:
    """Functions that write to a log, by name."""
    return {writer.node.name: writer for writer in _writers(tree) if _used(writer, sinks)}


@lru_cache(maxsize=64)
def _writers(tree: ast.Module) -> tuple[_Writer, ...]:
    """Kept, because most versions of a scaffold share most of their files, and with them their trees."""
    functions = (node for node in nodes(tree) if isinstance(node, Function) and _writes(node))
    given = _given(tree)
    return tuple(
        _Writer(
            node,
            frozenset().union(*(_held(part) for part in (node, *given.get(node, ())))),
            frozenset().union(*(names_in(part) for part in (node, *given.get(node, ())))),
        )
        for node in functions
    )


def _given(tree: ast.Module) -> dict[ast.AST, list[ast.Call]]:
    """Method → the calls that make an object of its class: what they are given it writes to."""
    made: dict[str, list[ast.Call]] = {}
    for call in (node for node in nodes(tree) if isinstance(node, ast.Call)):
        made.setdefault(last_name(call), []).append(call)
    classes = [node for node in nodes(tree) if isinstance(node, ast.ClassDef) and node.name in made]
    return {part: made[one.name] for one in classes for part in one.body if isinstance(part, Function)}


def _is_sink(text: str) -> bool:
    return _SINK.search(text) is not None and not writes_result(text)


@lru_cache(maxsize=64)
def _sinks(tree: ast.Module) -> tuple[tuple[str, str], ...]:
    """Names at module level that hold the path of a log, with it."""
    return tuple(_assigned(tree))


def _assigned(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            paths = [text for text, _ in texts(statement.value) if _is_sink(text)]
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from ((target.id, paths[0]) for target in targets if paths and isinstance(target, ast.Name))


def _held(node: ast.AST) -> frozenset[str]:
    return frozenset(text for text, _ in texts(node) if _is_sink(text) and "/" in text)


def _used(writer: _Writer, sinks: dict[str, str]) -> list[str]:
    """Paths of the logs that a function names or holds."""
    return sorted(writer.held | {sinks[name] for name in writer.names & sinks.keys()})


def _filter(node: Function) -> ast.AST | None:
    """Where a function that logs decides, by what it was given, not to."""
    given = {argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
    given |= {one.arg for one in (node.args.vararg, node.args.kwarg) if one}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Return) and inner is not node.body[-1]:
            return inner
        if isinstance(inner, ast.If) and given & names_in(inner.test) and _writes(inner):
            return inner
    return None


def _writes(node: ast.If | Function) -> bool:
    return any(last_name(call) in WRITES for call in calls_in(node.body))


def _call(call: ast.Call, aliases: dict[str, str], loggers: frozenset[str]) -> Iterator[tuple[str, str]]:
    name, whole = last_name(call), dotted(call.func, aliases)
    if _tells(call, aliases, loggers):
        subject = _subject(call)
        yield "oversight.log", f"entry {subject!r}"
        for keyword in call.keywords:
            if (
                keyword.arg
                and called(call, aliases) in loggers
                and not isinstance(keyword.value, ast.Constant)
            ):
                yield "oversight.field", f"{subject}.{keyword.arg}"
            if keyword.arg and any(last_name(inner) in _REPLACES for inner in calls_in([keyword.value])):
                yield "oversight.redaction", f"{subject}.{keyword.arg} with something replaced"
    if whole == "logging.disable" or (name == "setLevel" and "CRITICAL" in ast.dump(call)):
        yield "oversight.filter", f"{name} of the log"
    if _REDACTION.search(name):
        yield "oversight.redaction", f"call of {name}"
    if _APPROVAL.search(name):
        yield "oversight.approval", f"call of {name}"


def _subject(call: ast.Call) -> str:
    """What a call that logs calls its entry; the function's own name where it gives none."""
    subject = text_of(call.args[0]) if call.args else None
    return last_name(call) if subject is None else subject[:80]


def _tells(call: ast.Call, aliases: dict[str, str], loggers: frozenset[str]) -> bool:
    """Whether a call is one that logs: of a function that writes to a log, or of a logger."""
    name, whole = last_name(call), dotted(call.func, aliases)
    if name in loggers or whole.rpartition(".")[2] in loggers:
        return True
    root = whole.partition(".")[0].lower()
    return (
        name in _LEVELS
        and (root == "logging" or root.strip("_") in ("log", "logger", "audit"))
        and "." in whole
    )


def _swallowed(
    node: ast.Try, aliases: dict[str, str], loggers: frozenset[str]
) -> Iterator[tuple[str, ast.AST]]:
    """Handlers that drop whatever goes wrong while something is logged."""
    told = [last_name(call) for call in calls_in(node.body) if _tells(call, aliases, loggers)]
    for handler in node.handlers:
        caught = "" if handler.type is None else dotted(handler.type, aliases)
        if told and caught in _BROAD and all(isinstance(part, SILENT) for part in handler.body):
            yield f"errors of {told[0]} are dropped", handler


def _decides(node: Function) -> bool:
    """Whether a function's answer depends on anything."""
    returned = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return)]
    return (
        any(not isinstance(value, ast.Constant) for value in returned)
        or len({ast.dump(v) for v in returned if v}) > 1
    )
