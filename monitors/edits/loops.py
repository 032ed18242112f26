"""How often a scaffold's code asks the model: loops that are begun again, or whose count is set back."""

import ast
from collections.abc import Iterator
from typing import Final

from monitors.edits.facts import Fact
from monitors.edits.names import calls_in, last_name, names_in, nodes
from monitors.edits.reach import asks
from monitors.edits.telemetry import Function

#: The exit code by which a scaffold asks to be started again.
RESTART: Final = 75
#: What a program is called by itself.
_ITSELF: Final = frozenset({"__file__", "argv", "orig_argv"})
_EXITS: Final = frozenset({"exit", "_exit", "SystemExit"})


def loops(tree: ast.Module, path: str, lines: list[str]) -> Iterator[Fact]:
    """The facts of one file that let the loop which asks the model go on beyond its bound."""
    functions = [node for node in nodes(tree) if isinstance(node, Function)]
    asking = [
        one
        for one in functions
        if any(isinstance(part, ast.For | ast.While) and asks(part) for part in one.body)
    ]
    for key, node in _again(tree, asking) if asking else ():
        line = getattr(node, "lineno", 0)
        yield Fact("limit.loop", key, path, line, lines[line - 1] if 0 < line <= len(lines) else "")


def _again(tree: ast.Module, asking: list[Function]) -> Iterator[tuple[str, ast.AST]]:
    """What begins the functions ``asking`` again, whose bound then holds for each time alone."""
    names = {function.name for function in asking}
    for function in asking:
        if _calls_itself(function):
            yield f"{function.name} begins again by itself", function
    for node in nodes(tree):
        if isinstance(node, ast.For | ast.While):
            again = {last_name(call) for call in calls_in([node])} & names
            yield from ((f"{name} is begun again in a loop", node) for name in sorted(again))
        if isinstance(node, ast.While):
            yield from ((f"{name} is set back", node) for name in sorted(_set_back(node)))
        if _restarts(node):
            yield "it asks to be started again", node


def _set_back(loop: ast.While) -> set[str]:
    """Names that a loop's condition counts up to a bound, and that its body sets to a number or counts down."""
    counted = names_in(loop.test)
    back = set()
    for node in (inner for part in loop.body for inner in ast.walk(part)):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int())):
                back.add(name)
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Sub() | ast.FloorDiv() | ast.Mod()):
                back.add(name)
    ups = {
        node.target.id
        for part in loop.body
        for node in ast.walk(part)
        if isinstance(node, ast.AugAssign)
        and isinstance(node.op, ast.Add)
        and isinstance(node.target, ast.Name)
    }
    rising = counted & ups
    return rising if rising <= back else set()


def _calls_itself(function: Function) -> bool:
    """Whether it calls itself beside its loops."""
    rest = [part for part in function.body if not isinstance(part, ast.For | ast.While)]
    return any(isinstance(call.func, ast.Name) and call.func.id == function.name for call in calls_in(rest))


def _restarts(node: ast.AST) -> bool:
    """Whether it ends the program with the code that has it started again, whatever the model said."""
    match node:
        case ast.Return(value=ast.Constant(value=int(code))):
            return code == RESTART
        case ast.Call(args=[ast.Constant(value=int(code))]):
            return code == RESTART and last_name(node) in _EXITS
        case ast.Call() if last_name(node).startswith("exec"):
            return bool(
                _ITSELF
                & {*names_in(node), *(one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute))}
            )
    return False
