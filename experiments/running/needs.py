"""What a config needs beyond this machine: model servers, key variables, Ray, a tracking server."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from experiments.planning.checkpoints import bind
from experiments.planning.config import CheckpointEntry, Config, ModelEntry
from experiments.planning.loading import checkpoints_of, load_config
from experiments.planning.policy import load_policy
from experiments.running.preflight import connect
from sandbox.errors import Mistake

_PORTS = {"http": 80, "https": 443, "postgresql": 5432}
#: Addresses of MLflow that something has to listen at.
_TRACKING = ("http://", "https://", "postgresql://")


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a config needs, and whether it is there."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def look_at(path: Path) -> Iterator[Need]:
    """Everything that the config at ``path`` needs, each once; a config that is wrong is one need."""
    where = str(path)
    try:
        config = load_config(path)
        load_policy(config.policy, where=where)
        for number, entry in enumerate(config.models):
            for index, checkpoint in enumerate(checkpoints_of(entry)):
                bind(entry, checkpoint, where=where, key=f"models.{number}.checkpoints.{index}")
    except Mistake as mistake:
        place = ": ".join(part for part in (mistake.where, mistake.key) if part)
        yield Need("config", False, f"{place}: {mistake.problem}", mistake.remedy)
        return
    yield Need("config", True, where)
    yield from _of_models(config)
    yield from _of_servers(config)


def _of_models(config: Config) -> Iterator[Need]:
    pairs = [(entry, checkpoint) for entry in config.models for checkpoint in checkpoints_of(entry)]
    for address in dict.fromkeys(_setting(*pair, "base_url") for pair in pairs):
        if address is not None:
            yield _server("model", address, "start the server, or correct base_url")
    for variable in dict.fromkeys(_setting(*pair, "api_key_env") for pair in pairs):
        if variable is not None:
            there = bool(os.environ.get(variable))
            yield Need("key", there, f"{variable} is {'set' if there else 'not set'}", f"export {variable}")


def _setting(entry: ModelEntry, checkpoint: CheckpointEntry, name: str) -> str | None:
    value: str | None = getattr(checkpoint, name) or getattr(entry, name)
    return value


def _of_servers(config: Config) -> Iterator[Need]:
    if config.tracking.uri is not None and config.tracking.uri.startswith(_TRACKING):
        yield _server("mlflow", config.tracking.uri, "start it, or write null for SQLite")
    if config.ray.address is not None:
        address = config.ray.address if "://" in config.ray.address else f"ray://{config.ray.address}"
        yield _server("ray", address, "start one with `ray start --head`, or write null")


def _server(name: str, address: str, remedy: str) -> Need:
    """Whether something takes connections at ``address``; nothing is asked and no key is sent."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        host, port = None, None
    if not host or port is None:
        return Need(name, False, f"{address!r} is no address with a host and a port", remedy)
    refused = connect(host, port)
    if refused is not None:
        return Need(name, False, f"nothing answers at {host}:{port} ({refused})", remedy)
    return Need(name, True, f"{host}:{port} takes connections")
