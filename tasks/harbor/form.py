"""``task.toml`` in Harbor's form, schema 1.0 to 1.4: what of it holds here, what is refused, what is unknown."""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.errors import Mistake

#: Seconds of an agent whose task names none.
AGENT_SECONDS: Final = 600.0
_MIB: Final = 2**20
_DEFAULT_MEMORY, _DEFAULT_DISK = 2048, 10_240
_MAX_TOML: Final = 2**20

#: The keys that Harbor's own loader knows, by table.
_KNOWN: Final[dict[str, frozenset[str]]] = {
    "": frozenset({
        "version", "schema_version", "task", "metadata", "verifier", "agent", "environment", "solution", "source",
        "multi_step_reward_strategy", "steps", "artifacts",
    }),
    "task": frozenset({"name", "version", "description", "authors", "keywords"}),
    "agent": frozenset({"timeout_sec", "user", "network_mode", "allowed_hosts"}),
    "verifier": frozenset({
        "timeout_sec", "env", "user", "environment_mode", "environment", "collect", "network_mode", "allowed_hosts",
    }),
    "environment": frozenset({
        "build_timeout_sec", "docker_image", "os", "cpus", "memory_mb", "storage_mb", "memory", "storage", "gpus",
        "gpu_types", "tpu", "mcp_servers", "env", "skills_dir", "healthcheck", "workdir", "allow_internet",
        "network_mode", "allowed_hosts",
    }),
    "solution": frozenset({"env"}),
}  # fmt: skip
#: Keys that would change what an attempt is and that nothing here does; a value that says nothing is let pass.
_REFUSED: Final = {
    "steps": "tasks of several steps do not run here",
    "environment.tpu": "there is no TPU here",
    "environment.gpus": "there is no GPU in a box",
    "environment.mcp_servers": "a box holds no other servers",
    "verifier.environment": "the verifier runs in a snapshot of the agent's box",
    "verifier.collect": "there is one box and no other service",
}
CHECK: Final = "environment.healthcheck.command"
_LEAVE_OUT: Final = "leave the task out with harbor.skip"
#: Keys that are known and without effect here.
_IGNORED: Final = ("artifacts", "environment.skills_dir", "environment.gpu_types")
_SIZE: Final = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([KMG])\s*$", re.IGNORECASE)
_SIZES: Final = {"K": 1 / 1024, "M": 1.0, "G": 1024.0}
_VARIABLE: Final = re.compile(r"\$\{([^}:]+)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Form:
    """What a task's ``task.toml`` says, in seconds, bytes and plain names."""

    agent_seconds: float
    agent_user: str | None
    verifier_seconds: float
    verifier_user: str | None
    verifier_environment: dict[str, str]
    build_seconds: float
    image: str | None
    cpus: float
    memory: int
    disk: int
    environment: dict[str, str]
    directory: str | None
    solution_environment: dict[str, str]
    #: A command that is to succeed before the agent begins.
    check: str | None
    #: ``no-network``, ``public`` or ``allowlist``: the widest that any of its phases asks for, and the key of it.
    network: str
    network_key: str
    #: Dotted keys that Harbor does not know, and those that it knows and that do nothing here.
    unknown: tuple[str, ...]
    ignored: tuple[str, ...]


def read_form(file: Path) -> Form:
    """Reads ``task.toml``.

    Raises:
        Mistake: it is not there, not TOML, not of Harbor's form, or asks for what no box gives.
    """
    where = str(file)
    written = _written(file)
    _refuse(written, where)
    agent, verifier = _table(written, "agent", where), _table(written, "verifier", where)
    environment, solution = _table(written, "environment", where), _table(written, "solution", where)
    network, key = _network(agent, verifier, environment, where)
    return Form(
        agent_seconds=_seconds(agent, "agent", "timeout_sec", AGENT_SECONDS, where),
        agent_user=_user(agent, "agent", where),
        verifier_seconds=_seconds(verifier, "verifier", "timeout_sec", 600.0, where),
        verifier_user=_user(verifier, "verifier", where),
        verifier_environment=_variables(verifier, "verifier.env", where),
        build_seconds=_seconds(environment, "environment", "build_timeout_sec", 600.0, where),
        image=_text(environment, "environment", "docker_image", where),
        cpus=_number(environment.get("cpus", 1), where, "environment.cpus"),
        memory=_bytes(environment, "memory", _DEFAULT_MEMORY, where),
        disk=_bytes(environment, "storage", _DEFAULT_DISK, where),
        environment=_variables(environment, "environment.env", where),
        directory=_directory(environment, where),
        solution_environment=_variables(solution, "solution.env", where),
        check=_text({"command": _at(written, CHECK)}, "environment.healthcheck", "command", where),
        network=network,
        network_key=key,
        unknown=tuple(_unknown(written)),
        ignored=tuple(key for key in _IGNORED if _at(written, key)),
    )


def _refuse(written: Mapping[str, Any], where: str) -> None:
    """Refuses what no box gives, by the key that asks for it."""
    reasons = [(key, why) for key, why in _REFUSED.items() if _at(written, key)]
    if str(_at(written, "environment.os") or "linux").lower() != "linux":
        reasons.append(("environment.os", "boxes are Linux"))
    if _at(written, "verifier.environment_mode") == "separate":
        reasons.append(("verifier.environment_mode", _REFUSED["verifier.environment"]))
    for key, why in reasons:
        raise Mistake(f"not run here: {why}", where=where, key=key, remedy=_LEAVE_OUT)


def _written(file: Path) -> dict[str, Any]:
    where = str(file)
    try:
        with file.open("rb") as opened:
            text = opened.read(_MAX_TOML + 1)
        if len(text) > _MAX_TOML:
            raise Mistake("is larger than 1 MiB", where=where, remedy=_LEAVE_OUT)
        return tomllib.loads(text.decode("utf-8"))
    except OSError as error:
        raise Mistake(
            f"cannot be read ({error.strerror})", where=where, remedy="a task has a task.toml"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Mistake(
            f"is not TOML: {error}", where=where, remedy="correct it, or leave it out with harbor.skip"
        ) from error


def _unknown(written: Mapping[str, Any]) -> Iterator[str]:
    for table, known in _KNOWN.items():
        values = written if not table else written.get(table)
        if isinstance(values, dict):
            yield from (f"{table}.{key}".lstrip(".") for key in sorted(values) if key not in known)


def _at(written: Mapping[str, Any], dotted: str) -> Any:
    value: Any = written
    for part in dotted.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _table(written: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    value = written.get(name, {})
    if not isinstance(value, dict):
        raise Mistake("is not a table", where=where, key=name, remedy=f"write [{name}]")
    return value


def _network(
    agent: Mapping[str, Any], verifier: Mapping[str, Any], environment: Mapping[str, Any], where: str
) -> tuple[str, str]:
    """The widest network that the agent or the verifier asks for, and by which key. Harbor's own default is all of it."""
    mode, key = environment.get("network_mode"), "environment.network_mode"
    if mode is None:
        allowed = environment.get("allow_internet")
        mode, key = ("no-network", "environment.allow_internet") if allowed is False else ("public", key)
    # A phase that says nothing has what its environment has.
    asked = [
        (key, mode) if table.get("network_mode") is None else (f"{name}.network_mode", table["network_mode"])
        for name, table in (("agent", agent), ("verifier", verifier))
    ]
    order = ("no-network", "allowlist", "public")
    for key, mode in asked:
        if mode not in order:
            raise Mistake(f"{mode!r} is unknown", where=where, key=key, remedy="choices: " + ", ".join(order))
    widest = max(asked, key=lambda one: order.index(one[1]))
    return widest[1], widest[0]


def _number(value: Any, where: str, key: str) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or value <= 0
    ):
        raise Mistake(f"{value!r} is not a number above zero", where=where, key=key, remedy="write one")
    return float(value)


def _seconds(table: Mapping[str, Any], name: str, key: str, default: float, where: str) -> float:
    return _number(table.get(key, default), where, f"{name}.{key}")


def _text(table: Mapping[str, Any], name: str, key: str, where: str) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise Mistake(f"{value!r} is not text", where=where, key=f"{name}.{key}", remedy="write it in quotes")
    return value or None


def _user(table: Mapping[str, Any], name: str, where: str) -> str | None:
    value = table.get("user")
    return str(value) if type(value) is int else _text(table, name, "user", where)


def _directory(environment: Mapping[str, Any], where: str) -> str | None:
    value = _text(environment, "environment", "workdir", where)
    if value is not None and not value.startswith("/"):
        raise Mistake(
            f"{value!r} is not absolute", where=where, key="environment.workdir", remedy="begin it with /"
        )
    return value


def _bytes(environment: Mapping[str, Any], name: str, default: int, where: str) -> int:
    """Harbor's megabytes are 2^20 bytes; before schema 1.1 a size was text such as ``2G``."""
    value = environment.get(f"{name}_mb")
    if value is None and isinstance(old := environment.get(name), str):
        match = _SIZE.match(old)
        if match is None:
            raise Mistake(
                f"{old!r} is no size", where=where, key=f"environment.{name}", remedy="write for example 2G"
            )
        value = float(match[1]) * _SIZES[match[2].upper()]
    return int(_number(default if value is None else value, where, f"environment.{name}_mb") * _MIB)


def _variables(table: Mapping[str, Any], key: str, where: str) -> dict[str, str]:
    """Variables for a box. One that would be taken from the host is refused: no key of the host enters a box."""
    found = table.get("env", {})
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Mistake("is not a table of texts", where=where, key=key, remedy='write {NAME = "value"}')
    filled = {}
    for name, value in found.items():
        for match in _VARIABLE.finditer(value):
            if match[2] is None:
                problem = f"asks for the host's variable {match[1]}, and a box is given none"
                raise Mistake(
                    problem, where=where, key=f"{key}.{name}", remedy="give it a default: ${NAME:-value}"
                )
        filled[name] = _VARIABLE.sub(lambda match: match[2], value)
    return filled
