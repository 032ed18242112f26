"""The in-box runner's modules, as its process has them: by their bare names."""

import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType, SimpleNamespace

import pytest

from sandbox.assets import image_dir

_MODULES = (
    "files", "forwarder", "frames", "main", "notify", "privileges", "processes", "programs", "services",
    "sinkhole", "still", "tree", "watch",
)  # fmt: skip


@pytest.fixture(scope="session")
def runner() -> Iterator[SimpleNamespace]:
    """The modules of ``docker/runner`` by name; they are forgotten again afterwards."""
    hidden: dict[str, ModuleType | None] = {name: sys.modules.pop(name, None) for name in _MODULES}
    sys.path.insert(0, str(image_dir() / "runner"))
    try:
        yield SimpleNamespace(**{name: import_module(name) for name in _MODULES})
    finally:
        sys.path.remove(str(image_dir() / "runner"))
        for name, module in hidden.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
