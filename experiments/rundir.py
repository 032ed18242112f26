"""The run directory: made in one step, held by one driver at a time, read by anybody."""

import fcntl
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from experiments import durable
from experiments.anchors import Anchors, head_path
from experiments.identity import Secret
from sandbox.errors import Mistake

FORMAT: Final = 1
EXPERIMENT: Final = "experiment.yaml"
EPISODES: Final = "episodes"
#: An attempt's log, in its directory.
EVENTS: Final = "events.jsonl"
_LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class Experiment:
    """What ``experiment.yaml`` says of a run."""

    #: Random, made with the directory: names its head and its key, and the owner of its containers.
    id: str
    #: Name of the directory: <suite>-<hash>.
    run: str
    suite: str
    version: int
    hash: str
    #: Fingerprint of the secret.
    secret: str
    #: Unix seconds.
    created: int
    #: The expanded tasks: [task id, level, version, tree digest].
    tasks: list[list[str]]
    #: Scaffold id.
    scaffold: str
    #: The config of the latest invocation, as loaded.
    config: dict[str, Any]

    def text(self) -> str:
        """The file's content."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return yaml.safe_dump({"format": FORMAT, **fields}, sort_keys=False, allow_unicode=True)


def read_experiment(directory: Path) -> Experiment:
    """Reads a run's ``experiment.yaml``.

    Raises:
        Mistake: there is none, or it is of another format.
    """
    path = directory / EXPERIMENT
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Mistake(
            "is not a run directory", where=str(directory), remedy=f"it has no {EXPERIMENT}"
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Mistake("cannot be read", where=str(path), remedy="`tidegauge verify RUN` says more") from error
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        problem = f"format {found!r} is not known"
        raise Mistake(problem, where=str(path), key="format", remedy=f"this version reads format {FORMAT}")
    try:
        return Experiment(**{name: document[name] for name in Experiment.__dataclass_fields__})
    except KeyError as error:
        raise Mistake(
            "is missing", where=str(path), key=str(error.args[0]), remedy="restore the file"
        ) from error


def find_run(runs: Path, name: str) -> Path:
    """The directory of RUN, which is a path or a name under ``runs``.

    Raises:
        Mistake: it is neither.
    """
    for path in (Path(name), runs / name):
        if (path / EXPERIMENT).is_file():
            return path
    there = [path.name for path in list_runs(runs)]
    remedy = (
        "there are: " + ", ".join(there) if there else "there is none yet: tidegauge run CONFIG makes one"
    )
    raise Mistake(f"no run {name!r}", where=str(runs), remedy=remedy)


def list_runs(runs: Path) -> list[Path]:
    """The run directories under ``runs``, newest first."""
    found = [path.parent for path in runs.glob(f"*/{EXPERIMENT}") if not path.parent.name.startswith(".")]
    return sorted(found, key=lambda path: read_experiment(path).created, reverse=True)


def attempt_dir(run: Path, episode: str, attempt: int) -> Path:
    """Where an attempt writes."""
    return run / EPISODES / episode / str(attempt)


def relative(file: str, run: Path) -> str:
    """A file's path as problems name it: inside the run, or as it is where it lies elsewhere."""
    path = Path(file)
    return path.relative_to(run).as_posix() if path.is_relative_to(run) else file


def attempts(run: Path, episode: str) -> list[int]:
    """Numbers of the attempts that have a directory, ascending."""
    directory = run / EPISODES / episode
    if not directory.is_dir():
        return []
    return sorted(int(path.name) for path in directory.iterdir() if path.name.isdecimal())


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Holds a run for this driver alone. A driver that dies releases it.

    Raises:
        Mistake: another driver holds it; the text names it.
    """
    with (directory / _LOCK).open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = _holder(file.read())
            remedy = "wait for it, or end it"
            raise Mistake(
                f"another driver holds this run: {holder}", where=str(directory), remedy=remedy
            ) from error
        file.truncate(0)
        file.write(
            json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": int(time.time())}).encode()
        )
        file.flush()
        yield
        file.truncate(0)


def holder(directory: Path) -> str | None:
    """Who drives a run now, in words; None if nobody does."""
    path = directory / _LOCK
    if not path.exists():
        return None
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(file.read())
    return None


def _holder(content: bytes) -> str:
    try:
        value = json.loads(content)
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value["since"]))
        return f"process {value['pid']} on {value['host']} since {since}"
    except (ValueError, KeyError, TypeError):
        return "a driver that has just started"


def ensure_run(runs: Path, experiment: Experiment, secret: Secret) -> Path:
    """The directory of ``experiment.run``, made in one step if it is not there.

    Raises:
        Mistake: the runs directory, or the place beside the secret, cannot be written.
    """
    final = runs / experiment.run
    if (final / EXPERIMENT).is_file():
        return final
    head = head_path(secret, experiment.id)
    try:
        head.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = runs / f".{experiment.run}.{secrets.token_hex(8)}"
        draft.mkdir(parents=True)
    except OSError as error:
        remedy = "choose a directory that you may write"
        raise Mistake(
            f"cannot be made ({error.strerror})", where=str(error.filename), remedy=remedy
        ) from error
    text = experiment.text()
    Anchors(draft, secret.anchor_key(experiment.id), head).append("experiment", [text])
    durable.replace(draft / EXPERIMENT, text.encode("utf-8"))
    (draft / EPISODES).mkdir()
    (draft / durable.BLOBS).mkdir()
    try:
        draft.rename(final)
    except OSError:
        # Another driver made the same run meanwhile; the lock decides between the two.
        shutil.rmtree(draft)
        head.unlink(missing_ok=True)
        if not (final / EXPERIMENT).is_file():
            raise
    durable.sync_directory(runs)
    return final


def record_experiment(directory: Path, experiment: Experiment, anchors: Anchors) -> None:
    """Brings ``experiment.yaml`` up to date with this invocation's config, anchored first."""
    text = experiment.text()
    if anchors.texts("experiment")[-1:] != [text]:
        anchors.append("experiment", [text])
    durable.replace(directory / EXPERIMENT, text.encode("utf-8"))
