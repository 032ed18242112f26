"""Reads a config: overrides, units, checks between keys, paths and checkpoints written out."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

from experiments.forms import choose, parse, read_yaml
from experiments.planning.checkpoints import written_out
from experiments.planning.config import Binding, CheckpointEntry, Config, Harbor, ModelEntry
from experiments.planning.handed import handed_scaffold
from experiments.planning.overrides import apply_overrides
from experiments.record.rundir import EXPERIMENT, find_run
from sandbox.errors import Mistake
from sandbox.limits import Limits, check_limits, parse_limits

AnyBinding = TypeVar("AnyBinding", bound=Binding)

#: What a config may require: docs/events.md says what each sees.
SENSORS: Final = ("cgroup", "runner", "scaffold", "notify", "dns", "files", "callers", "kernel")
_PASSWORD_KEYS: Final = frozenset({"password", "passwd", "pwd", "token", "secret", "api_key", "sslpassword"})
_UNBOUNDED: Final = 2**62
#: Contradicts nothing: what a config left out is not held against what it wrote.
_OPEN: Final = Limits(
    wall=float(_UNBOUNDED), cpu_time=0.0, memory=_UNBOUNDED, disk=0, output=0, record=_UNBOUNDED
)


def find_config(path: Path) -> Path:
    """The file of a config: ``path`` itself, or a shipped config of that name where there is no such file."""
    shipped = Path(__file__).parents[1] / "configs" / f"{path}.yaml"
    bare = path.name == str(path) and not path.suffix
    return shipped if bare and not path.exists() and shipped.is_file() else path


def load_config(path: Path, overrides: tuple[str, ...] = (), runs: Path = Path("runs")) -> Config:
    """Reads, overrides and checks a config.

    Args:
        path: the config's file; relative paths inside it start from its directory.
        overrides: ``a.b.0=YAML`` each, applied in order.
        runs: the directory under which a replayed run is looked for by its name.

    Raises:
        Mistake: the first thing that is wrong.
    """
    where = str(path)
    document = read_yaml(path)
    if not isinstance(document, dict):
        raise Mistake("is not a mapping", where=where, remedy="start with suite, models and tasks")
    document = apply_overrides(document, overrides)
    if "limits" in document:
        document["limits"] = _limits(document["limits"], where)
    config = parse(Config, document, where=where)
    _check_promises(config, where)
    base = path.resolve().parent
    models = [_resolved(entry, base, runs, where, f"models.{i}") for i, entry in enumerate(config.models)]
    _check_unique(models, where)
    changes: dict[str, Any] = {"models": models, "policy": _path_or_name(config.policy, base)}
    if config.profile == "harbor":
        changes["tasks"] = [str((base / directory).resolve()) for directory in config.tasks]
    if isinstance(config.scaffold, str):
        changes["scaffold"] = _path_or_name(config.scaffold, base)
    else:
        changes["scaffold"] = str(handed_scaffold(config.scaffold["from"], runs, where=where))
    return config.model_copy(update=changes)


def holds_password(uri: str) -> bool:
    """Whether an address carries a password, before its host or among its parameters."""
    parts = urlsplit(uri)
    given = {key.lower() for key, _ in parse_qsl(parts.query)}
    return parts.password is not None or not given.isdisjoint(_PASSWORD_KEYS)


def job_address(path: Path, overrides: tuple[str, ...] = ()) -> str | None:
    """The address that makes a config a Ray job, ``http://…``; None if it has none.

    Raises:
        Mistake: the config does not parse.
    """
    document = read_yaml(path)
    section = apply_overrides(document, overrides).get("ray") if isinstance(document, dict) else None
    address = section.get("address") if isinstance(section, dict) else None
    return address if isinstance(address, str) and address.startswith(("http://", "https://")) else None


def _limits(written: Any, where: str) -> dict[str, float | int]:
    if not isinstance(written, dict):
        raise Mistake("is not a mapping", where=where, key="limits", remedy="write for example {wall: 60s}")
    limits = parse_limits(written, where=where)
    check_limits(replace(_OPEN, **limits), where=where)  # type: ignore[arg-type]
    return limits


def _check_promises(config: Config, where: str) -> None:
    """Refuses what the config's form knows and a later version brings."""
    for index, sensor in enumerate(config.sandbox.require_sensors):
        if sensor not in SENSORS:
            key, remedy = f"sandbox.require_sensors.{index}", choose(sensor, SENSORS)
            raise Mistake(f"no sensor {sensor!r}", where=where, key=key, remedy=remedy)
    if config.tracking.uri is not None and holds_password(config.tracking.uri):
        remedy = "leave it out: MLFLOW_TRACKING_PASSWORD or the database's own password file holds it"
        raise Mistake(
            "holds a password, which runs would store", where=where, key="tracking.uri", remedy=remedy
        )
    if config.profile != "harbor" and config.harbor != Harbor():
        remedy = "write profile: harbor, or leave the section out"
        raise Mistake("holds for public tasks only", where=where, key="harbor", remedy=remedy)
    if config.profile == "harbor" and config.ray.address is not None:
        remedy = "leave it out: environments are built on this machine's engine"
        raise Mistake("public tasks do not run on a cluster", where=where, key="ray.address", remedy=remedy)
    if isinstance(config.scaffold, dict) and config.scaffold.keys() != {"from"}:
        remedy = "name a shipped one, a directory, or {from: scaffold id or episode}"
        raise Mistake("is no scaffold", where=where, key="scaffold", remedy=remedy)


def _resolved(entry: ModelEntry, base: Path, runs: Path, where: str, key: str) -> ModelEntry:
    """``entry`` with its checkpoints written out and its files' paths absolute."""
    checkpoints = []
    written = written_out(entry, base=base, where=where, key=f"{key}.checkpoints")
    if entry.agent is not None and written != [CheckpointEntry(name=entry.family, step=0)]:
        problem, remedy = "an agent takes no checkpoints", "leave them out: each look at the harness is one"
        raise Mistake(problem, where=where, key=f"{key}.checkpoints", remedy=remedy)
    for index, checkpoint in enumerate(written):
        checkpoints.append(_located(checkpoint, base, runs, where, f"{key}.checkpoints.{index}"))
    return _located(entry, base, runs, where, key).model_copy(update={"checkpoints": checkpoints})


def _located(entry: AnyBinding, base: Path, runs: Path, where: str, key: str) -> AnyBinding:
    """``entry`` with the paths of its script and of the run it replays absolute."""
    return entry.model_copy(
        update={"script": _absolute(entry.script, base), "run": _run(entry.run, base, runs, where, key)}
    )


def _run(written: str | None, base: Path, runs: Path, where: str, key: str) -> str | None:
    if written is None:
        return None
    if (base / written / EXPERIMENT).is_file():
        return str((base / written).resolve())
    try:
        return str(find_run(runs, written).resolve())
    except Mistake as mistake:
        problem = f"{mistake.problem} beside the config or under {runs}"
        raise Mistake(problem, where=where, key=f"{key}.run", remedy=mistake.remedy) from mistake


def _check_unique(models: list[ModelEntry], where: str) -> None:
    names: set[tuple[str, str]] = set()
    steps: set[tuple[str, int]] = set()
    for index, entry in enumerate(models):
        for position, checkpoint in enumerate(checkpoints_of(entry)):
            key = f"models.{index}.checkpoints.{position}"
            if (entry.family, checkpoint.name) in names:
                problem = f"{entry.family}/{checkpoint.name} stands twice"
                raise Mistake(
                    problem, where=where, key=f"{key}.name", remedy="give each checkpoint its own name"
                )
            if (entry.family, checkpoint.step) in steps:
                problem = f"step {checkpoint.step} of {entry.family} stands twice"
                raise Mistake(
                    problem, where=where, key=f"{key}.step", remedy="give each checkpoint its own step"
                )
            names.add((entry.family, checkpoint.name))
            steps.add((entry.family, checkpoint.step))


def checkpoints_of(entry: ModelEntry) -> list[CheckpointEntry]:
    """The checkpoints of an entry of a loaded config, which are always written out."""
    if not isinstance(entry.checkpoints, list):
        raise TypeError("the config was not loaded by load_config")
    return entry.checkpoints


def key_variables(config: Config) -> tuple[str, ...]:
    """The variables that hold the keys of a loaded config's models, sorted."""
    entries = [entry for model in config.models for entry in (model, *checkpoints_of(model))]
    return tuple(sorted({entry.api_key_env for entry in entries if entry.api_key_env}))


def named_files(config: Config) -> tuple[str, ...]:
    """Absolute paths of the files that a loaded config's episodes read, sorted."""
    entries = [entry for model in config.models for entry in (model, *checkpoints_of(model))]
    scaffold = [config.scaffold] if isinstance(config.scaffold, str) and "/" in config.scaffold else []
    return tuple(sorted({*scaffold, *(entry.script for entry in entries if entry.script)}))


def _absolute(path: str | None, base: Path) -> str | None:
    return None if path is None else str((base / path).resolve())


def _path_or_name(value: str, base: Path) -> str:
    """A shipped name stays; anything that looks like a path is made absolute."""
    looks_like_path = "/" in value or value.startswith(".") or value.endswith((".yaml", ".yml"))
    return str((base / value).resolve()) if looks_like_path else value
