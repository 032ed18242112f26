"""A task's compose file: let pass where it describes the one container that a task has anyway, else refused by name."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.errors import Mistake
from tasks.harbor.table import LEAVE_OUT

#: Harbor reads it by this name alone on a container engine.
_FILE: Final = "docker-compose.yaml"
_MAX_BYTES: Final = 2**16
#: Of a service: what Harbor sets itself, and what makes no difference to a box.
_HARBORS: Final = frozenset({
    "image", "pull_policy", "container_name", "deploy", "init", "tty", "stdin_open", "restart", "hostname", "platform",
})  # fmt: skip
#: What the container is kept up with while others work in it, and nothing besides.
_IDLE: Final = re.compile(r"""(?:(?:/bin/)?(?:ba)?sh -l?c )?["']?(?:sleep infinity|tail -f /dev/null)["']?""")
#: What Harbor, or Terminal-Bench before it, fills in itself.
_FILLED: Final = r"\$\{(?:T_BENCH_\w+|TEST_DIR|CONTEXT_DIR|(?:HOST|ENV)_\w+_(?:LOGS|ARTIFACTS)_PATH)\}"
_VARIABLE: Final = re.compile(_FILLED)
#: Places for logs.
_VOLUME: Final = re.compile(rf"{_FILLED}:{_FILLED}(?::r[ow])?")


def check_compose(environment: Path) -> None:
    """Refuses a compose file in a task's ``environment`` that says more than that there is one container.

    Raises:
        Mistake: it has several services, or something of its service that a box does not give; by its key.
    """
    file = environment / _FILE
    if file.exists():
        for key, problem in _problems(_read(file)):
            raise Mistake(f"not run here: {problem}", where=str(file), key=key, remedy=LEAVE_OUT)


def _read(file: Path) -> dict[str, Any]:
    problem = "is no compose file"
    try:
        with file.open("rb") as opened:
            written = yaml.safe_load(opened.read(_MAX_BYTES).decode())
        if isinstance(written, dict):
            return written
    except (OSError, ValueError, RecursionError) as error:
        problem += f": {error}"
    except yaml.YAMLError as error:
        problem += f": {str(error).splitlines()[0]}"
    raise Mistake(problem, where=str(file), remedy=LEAVE_OUT)


def _problems(written: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    services = written.get("services")
    if not isinstance(services, dict) or len(services) != 1:
        names = ", ".join(map(str, services)) if isinstance(services, dict) else "none"
        yield "services", f"a task of several containers ({names})"
        return
    yield from (
        (key, "only services mean anything to a box")
        for key in written
        if key not in ("services", "version", "name")
    )
    (name, service), *_ = services.items()
    for key, value in (service if isinstance(service, dict) else {}).items():
        if key not in _HARBORS and not _default(key, value):
            yield f"services.{name}.{key}", "a box gives its container nothing of the kind"


def _default(key: str, value: Any) -> bool:
    """Whether a key of the service says what holds in any case."""
    match key:
        case "build":
            told = value if isinstance(value, dict) else {"context": value}
            return told.keys() <= {"context", "dockerfile"} and all(
                _VARIABLE.fullmatch(text) or text.removeprefix("./") in ("", ".", "Dockerfile")
                for text in _texts(told.values())
            )
        case "command":
            said = " ".join(_texts(value if isinstance(value, list) else [value]))
            return _IDLE.fullmatch(said) is not None
        case "environment" if isinstance(value, dict):
            return all(map(_VARIABLE.fullmatch, _texts(value.values())))
        case "environment" if isinstance(value, list):
            return all(_VARIABLE.fullmatch(text.partition("=")[2]) for text in _texts(value))
        case "volumes" if isinstance(value, list):
            return all(map(_VOLUME.fullmatch, _texts(value)))
    return value is None


def _texts(values: Iterable[Any]) -> list[str]:
    """Each value as it is written, if it is a text; what is none, and may be endless, is no default of anybody's."""
    return [value if isinstance(value, str) else "?" for value in values]
