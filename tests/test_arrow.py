"""Which room may import which. Read from the source, so that a lazy import counts too."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: room -> the rooms that its modules may import.
ARROWS = {
    "sandbox": {"sandbox"},
    "tasks": {"tasks", "sandbox"},
    "monitors": {"monitors", "sandbox"},
    "experiments": {"experiments", "tasks", "monitors", "sandbox"},
}
#: Packages of a room, each importing only those before it; its other modules come first, if not said otherwise.
LAYERS = {
    "sandbox": ("models", "link", "door", "sensors", "engine", "episode", "selftest"),
    "experiments": (
        "stats", "record", "planning", "attempts", "calibration", "reading", "results", "verdict", "reporting",
        "tracking", "running", "commands", "cli",
    ),
}  # fmt: skip
#: All that monitors may know of the sandbox.
VOCABULARY = {
    f"sandbox.{name}" for name in ("events", "codes", "findings", "vocabulary", "canonical")
}  # fmt: skip
#: Programs of their own: they may import anything of their room.
PROGRAMS = ("experiments.llm", "experiments.pocket")
#: Programs of a task that run in a box, and are read by the host as text alone.
BOX_ONLY = {"environment", "solution", "tests"}


def sources() -> dict[str, ast.Module]:
    """Module name -> syntax tree, of every module of the four rooms."""
    found = {}
    for room in ARROWS:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if not BOX_ONLY & set(parts[1:]):
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


SOURCES = sources()


def named(module: str, node: ast.AST) -> Iterator[str]:
    """The modules that an import statement of ``module`` names, absolute; the longest that exist."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = module.split(".") if is_package(module) else module.split(".")[:-1]
            base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [base])])
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            yield inner if inner in SOURCES else base


def is_package(module: str) -> bool:
    return (ROOT.joinpath(*module.split(".")) / "__init__.py").exists()


@cache
def imports(module: str) -> set[str]:
    """What ``module`` imports anywhere: as it is loaded, in a function, or for types alone."""
    return {name for node in ast.walk(SOURCES[module]) for name in named(module, node)}


def room(module: str) -> str:
    return module.split(".", 1)[0]


def test_rooms_import_only_along_the_arrows() -> None:
    wrong = [
        f"{module} imports {name}"
        for module in SOURCES
        for name in imports(module)
        if room(name) in ARROWS and room(name) not in ARROWS[room(module)]
    ]
    assert wrong == []


def layer(module: str) -> int:
    layers = LAYERS[room(module)]
    inner = [*module.split(".")[1:], ""][0]
    return layers.index(inner) if inner in layers else -1


def test_packages_of_a_room_import_only_those_before_them() -> None:
    wrong = [
        f"{module} imports {name}"
        for module in SOURCES
        if room(module) in LAYERS and not module.startswith(PROGRAMS)
        for name in imports(module)
        if room(name) == room(module) and layer(name) > layer(module)
    ]
    assert wrong == []


def test_monitors_know_only_the_vocabulary_of_the_sandbox() -> None:
    wrong = [
        f"{module} imports {name}"
        for module in SOURCES
        if room(module) == "monitors"
        for name in imports(module)
        if room(name) == "sandbox" and name not in VOCABULARY
    ]
    assert wrong == []


def test_only_the_container_module_imports_the_engines_sdk() -> None:
    users = [module for module in SOURCES if any(room(name) == "docker" for name in imports(module))]
    assert set(users) <= {"sandbox.engine.container"}


def test_the_folder_of_the_images_is_no_package() -> None:
    assert not list((ROOT / "docker").rglob("__init__.py"))


def test_no_module_imports_tests_or_benchmarks() -> None:
    assert [m for m in SOURCES if {room(name) for name in imports(m)} & {"tests", "benchmarks"}] == []


def test_modules_import_each_other_without_cycles_lazy_imports_included() -> None:
    graph = {module: imports(module) & SOURCES.keys() - {module} for module in SOURCES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        raise AssertionError(" -> ".join(cycle.args[1])) from None


def test_only_the_pocket_trainer_runs_programs_in_process_and_they_are_our_own() -> None:
    runners = {
        module
        for module, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"exec", "eval"}
    }
    assert runners <= {"experiments.pocket.workshop"}


def test_no_module_unpickles() -> None:
    picklers = {"pickle", "cloudpickle", "dill", "shelve", "marshal", "joblib"}
    users = [f"{m} imports {name}" for m in SOURCES for name in imports(m) if room(name) in picklers]
    assert users == []
