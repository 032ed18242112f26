"""``task.toml`` in Harbor's form, schema 1.0 to 1.4: what of it holds here, what is refused, what is unknown."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.errors import Mistake
from tasks.harbor.apart import Apart, is_apart, read_apart
from tasks.harbor.table import BUILD_SECONDS, LEAVE_OUT, Table

#: Seconds of an agent whose task names none.
AGENT_SECONDS: Final = 600.0
_VERIFIER_SECONDS: Final = 600.0
_DEFAULT_MEMORY, _DEFAULT_DISK = 2048, 10_240
_MAX_TOML: Final = 2**20

_ENVIRONMENT: Final = frozenset({
    "build_timeout_sec", "docker_image", "os", "cpus", "memory_mb", "storage_mb", "memory", "storage", "gpus",
    "gpu_types", "tpu", "mcp_servers", "env", "skills_dir", "healthcheck", "workdir", "allow_internet",
    "network_mode", "allowed_hosts",
})  # fmt: skip
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
    "environment": _ENVIRONMENT,
    "verifier.environment": _ENVIRONMENT,
    "solution": frozenset({"env"}),
}  # fmt: skip
#: Keys that would change what an attempt is and that nothing here does; a value that says nothing is let pass.
_REFUSED: Final = {
    "steps": "tasks of several steps do not run here",
    "environment.tpu": "there is no TPU here",
    "environment.gpus": "there is no GPU in a box",
    "environment.mcp_servers": "a box holds no other servers",
    "verifier.collect": "what is left running in the agent's box is ended with it",
    "verifier.environment.tpu": "there is no TPU here",
    "verifier.environment.gpus": "there is no GPU in a box",
    "verifier.environment.mcp_servers": "a box holds no other servers",
    "verifier.environment.healthcheck": "nothing that a verifier's image would start runs here",
}
CHECK: Final = "environment.healthcheck.command"
_EFFECTLESS: Final = ("environment.skills_dir", "environment.gpu_types")
#: Keys that are known and without effect here, for a verifier in the agent's box and for one in a box of its own.
_IGNORED: Final = (
    (*_EFFECTLESS, "artifacts", "verifier.environment"),
    (*_EFFECTLESS, *(f"verifier.environment.{key}" for key in ("cpus", "memory_mb", "storage_mb"))),
)


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
    #: The verifier's own environment; None: it runs in a snapshot of the agent's box.
    apart: Apart | None
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
    written = _written(file)
    _refuse(written)
    agent, verifier = written.table("agent"), written.table("verifier")
    environment, apart = written.table("environment"), read_apart(written)
    network, key = _network(agent, verifier, environment)
    return Form(
        agent_seconds=agent.number("timeout_sec", AGENT_SECONDS),
        agent_user=agent.user(),
        verifier_seconds=verifier.number("timeout_sec", _VERIFIER_SECONDS),
        verifier_user=verifier.user(),
        verifier_environment=verifier.variables(),
        build_seconds=environment.number("build_timeout_sec", BUILD_SECONDS),
        image=environment.text("docker_image"),
        cpus=environment.number("cpus", 1),
        memory=environment.size("memory", _DEFAULT_MEMORY),
        disk=environment.size("storage", _DEFAULT_DISK),
        environment=environment.variables(),
        directory=environment.directory(),
        solution_environment=written.table("solution").variables(),
        check=environment.table("healthcheck").text("command"),
        apart=apart,
        network=network,
        network_key=key,
        unknown=tuple(_unknown(written)),
        ignored=tuple(key for key in _IGNORED[apart is not None] if written.at(key)),
    )


def _refuse(written: Table) -> None:
    """Refuses what no box gives, by the key that asks for it."""
    reasons = [(key, why) for key, why in _REFUSED.items() if written.at(key)]
    systems = [key for key in ("environment.os", "verifier.environment.os") if written.at(key)]
    reasons += [(key, "boxes are Linux") for key in systems if str(written.at(key)).lower() != "linux"]
    for key, why in reasons:
        raise written.wrong(key, f"not run here: {why}", LEAVE_OUT)


def _written(file: Path) -> Table:
    where = str(file)
    try:
        with file.open("rb") as opened:
            text = opened.read(_MAX_TOML + 1)
        if len(text) > _MAX_TOML:
            raise Mistake("is larger than 1 MiB", where=where, remedy=LEAVE_OUT)
        return Table("", tomllib.loads(text.decode("utf-8")), where)
    except OSError as error:
        raise Mistake(
            f"cannot be read ({error.strerror})", where=where, remedy="a task has a task.toml"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Mistake(
            f"is not TOML: {error}", where=where, remedy="correct it, or leave it out with harbor.skip"
        ) from error


def _unknown(written: Table) -> Iterator[str]:
    for table, known in _KNOWN.items():
        values = written.at(table) if table else written.values
        if isinstance(values, dict):
            yield from (f"{table}.{key}".lstrip(".") for key in sorted(values) if key not in known)


def _network(agent: Table, verifier: Table, environment: Table) -> tuple[str, str]:
    """The widest network that the agent or the verifier asks for, and by which key. Harbor's own default is all of it."""
    apart = is_apart(verifier) and "environment" in verifier.values
    around = verifier.table("environment") if apart else environment
    order = ("no-network", "allowlist", "public")
    modes = []
    for phase, its_environment in ((agent, environment), (verifier, around)):
        # A phase that says nothing has what its environment has.
        table = its_environment if phase.at("network_mode") is None else phase
        key, mode = "network_mode", table.at("network_mode")
        if mode is None:
            closed = table.values.get("allow_internet") is False
            key, mode = ("allow_internet", "no-network") if closed else (key, "public")
        if mode not in order:
            raise table.wrong(key, f"{mode!r} is unknown", "choices: " + ", ".join(order))
        modes.append((mode, table.key(key)))
    return max(modes, key=lambda one: order.index(one[0]))
