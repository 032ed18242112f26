"""Which functions of a scaffold start programs, by themselves or through others."""

import ast
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from monitors.edits.names import aliases_of, called, calls_in, dotted, nodes

#: Calls that start a program.
_STARTS: Final = frozenset({"os.system", "os.popen", "os.posix_spawn", "os.spawnv", "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell"})  # fmt: skip


def starters(trees: Iterable[ast.Module]) -> frozenset[str]:
    """Names of functions that start a program, or call one that does, in whatever file."""
    callers: defaultdict[str, list[str]] = defaultdict(list)
    new: list[str] = []
    for tree in trees:
        for name, (own, others) in _functions(tree).items():
            for other in others:
                callers[other].append(name)
            new += [name] if own else []
    found = set(new)
    while new:
        more = set(callers[new.pop()]) - found
        found |= more
        new += more
    return frozenset(found)


@lru_cache(maxsize=64)
def _functions(tree: ast.Module) -> dict[str, tuple[bool, frozenset[str]]]:
    """Function → whether it starts a program, and what it calls. Nobody may change it."""
    aliases = aliases_of(tree)
    found = {}
    for node in nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = list(calls_in(node.body))
            whole = {dotted(call.func, aliases) for call in inner}
            own = any(name in _STARTS or name.startswith("subprocess.") for name in whole)
            found[node.name] = own, frozenset(called(call, aliases) for call in inner)
    return found
