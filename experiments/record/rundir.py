"""The run directory: made in one step, held by one driver at a time, read by anybody."""

import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_origin, get_type_hints

import yaml

from experiments.record import durable
from experiments.record.anchors import Anchors, head_path
from experiments.record.identity import Secret
from sandbox.errors import Mistake, StorageFault
from sandbox.events import BrokenLine

FORMAT: Final = 1
#: libyaml's where it is there: ten times as fast, and a run is read many times.
_Loader: Final = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
EXPERIMENT: Final = "experiment.yaml"
EPISODES: Final = "episodes"
#: An attempt's log, in its directory.
EVENTS: Final = "events.jsonl"
#: Beside it: the versions of the scaffold, one a line.
VERSIONS: Final = "scaffold.jsonl"
#: What the public tasks of a run said of themselves, and what their boxes stood on.
PUBLIC: Final = "public.json"
#: In the directory of an abandoned attempt: why its runner broke.
FAULT: Final = "fault.log"


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
        document = yaml.load(durable.read(path).decode("utf-8"), _Loader)
    except FileNotFoundError as error:
        raise Mistake(
            "is not a run directory", where=str(directory), remedy=f"it has no {EXPERIMENT}"
        ) from error
    except (BrokenLine, UnicodeDecodeError, yaml.YAMLError) as error:
        why = " ".join(str(getattr(error, "reason", error)).split())
        raise Mistake(f"cannot be read: {why}", where=str(path), remedy="restore the file") from error
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        problem = f"format {found!r} is not known"
        raise Mistake(problem, where=str(path), key="format", remedy=f"this version reads format {FORMAT}")
    for name, hint in get_type_hints(Experiment).items():
        form = get_origin(hint) or hint
        if type(document.get(name)) is not form:
            problem = f"is not of type {form.__name__}" if name in document else "is missing"
            raise Mistake(problem, where=str(path), key=name, remedy="restore the file")
    return Experiment(**{name: document[name] for name in Experiment.__dataclass_fields__})


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
    return sorted(found, key=_created, reverse=True)


def _created(directory: Path) -> float:
    """Unix seconds of a run's birth. One that cannot be read must not hide all others: its file's age."""
    try:
        return read_experiment(directory).created
    except Mistake:
        return (directory / EXPERIMENT).stat().st_mtime


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


def running(run: Path, ended: Iterable[tuple[str, int]], since: float) -> int:
    """How many attempts are at work: written to after ``since`` (Unix seconds), neither ended nor broken."""
    known = set(ended)
    logs = (log for log in (run / EPISODES).glob(f"*/*/{EVENTS}") if log.parent.name.isdecimal())
    return sum(
        (log.parent.parent.name, int(log.parent.name)) not in known
        and log.stat().st_mtime >= since
        and not (log.parent / FAULT).exists()
        for log in logs
    )


def ensure_run(runs: Path, experiment: Experiment, secret: Secret) -> Path:
    """The directory of ``experiment.run``, made in one step if it is not there.

    Raises:
        Mistake: the runs directory, or the place beside the secret, cannot be written; or there is a
            run of another format.
    """
    final = runs / experiment.run
    if (final / EXPERIMENT).is_file():
        read_experiment(final)
        return final
    head = head_path(secret, experiment.id)
    draft = runs / f".{experiment.run}.{secrets.token_hex(8)}"
    try:
        head.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.mkdir(parents=True)
        _fill(draft, experiment, secret, head)
        draft.rename(final)
    except (OSError, StorageFault) as error:
        # Nothing half-made stays. Where another driver made the same run meanwhile, the lock decides.
        shutil.rmtree(draft, ignore_errors=True)
        head.unlink(missing_ok=True)
        if (final / EXPERIMENT).is_file():
            return final
        raise _unwritable(error) from error
    durable.sync_directory(runs)
    return final


def _fill(draft: Path, experiment: Experiment, secret: Secret, head: Path) -> None:
    text = experiment.text()
    Anchors(draft, secret.anchor_key(experiment.id), head).append("experiment", [text])
    durable.replace(draft / EXPERIMENT, text.encode("utf-8"))
    (draft / EPISODES).mkdir()
    (draft / durable.BLOBS).mkdir()


def _unwritable(error: OSError | StorageFault) -> Mistake:
    remedy = "choose a directory that you may write, with room on its disk"
    if isinstance(error, StorageFault):
        return Mistake(str(error), remedy=remedy)
    return Mistake(f"cannot be made ({error.strerror})", where=str(error.filename), remedy=remedy)


def record_experiment(directory: Path, experiment: Experiment, anchors: Anchors) -> None:
    """Brings ``experiment.yaml`` up to date with this invocation's config, anchored first."""
    text = experiment.text()
    if anchors.texts("experiment")[-1:] != [text]:
        anchors.append("experiment", [text])
    durable.replace(directory / EXPERIMENT, text.encode("utf-8"))
