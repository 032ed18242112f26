"""From a model entry to its checkpoints: forms written out, settings merged, digests taken."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from experiments.forms import parse
from experiments.planning.config import (
    Binding,
    CheckpointCommand,
    CheckpointEntry,
    CheckpointGlob,
    ModelEntry,
    Sampling,
)
from experiments.planning.recordings import RecordedCheckpoint
from experiments.record.records import Checkpoint
from sandbox.canonical import digest
from sandbox.errors import Mistake
from sandbox.models.providers import open_model

_COMMAND_SECONDS: Final = 60
_COMMAND_BYTES: Final = 1 << 20
_SERVED: Final = ("base_url", "model", "api_key_env", "rate", "price")
#: What each provider takes of a model entry, and what of it must be there.
_SETTINGS: Final[dict[str, tuple[str, ...]]] = {
    "scripted": ("script",),
    "openai": _SERVED,
    "anthropic": _SERVED,
    "replay": ("run", "recorded", "strict"),
}
_NEEDED: Final = {
    "scripted": ("script",), "openai": ("base_url", "model"), "anthropic": ("base_url", "model"),
    "replay": ("run",),
}  # fmt: skip
_REMEDIES: Final = {
    "script": "name the scripted agent's file",
    "base_url": "write for example http://127.0.0.1:8080/v1",
    "model": "write the name under which the server knows it",
    "run": "name the run to replay",
}


@dataclass(frozen=True, slots=True)
class BoundCheckpoint:
    """A checkpoint with everything that is needed to reach it."""

    checkpoint: Checkpoint
    provider: str
    #: SHA-256 of weights, script or model name: what makes it this model and no other.
    digest: str
    #: Only the keys that were given.
    sampling: dict[str, Any]
    #: The provider's settings; never a key, only the name of the variable that holds it.
    binding: dict[str, Any]
    #: What a replay plays.
    recorded: RecordedCheckpoint | None = None
    #: Which of each task's own scripted agents plays.
    agent: str | None = None


def written_out(entry: ModelEntry, *, base: Path, where: str, key: str) -> list[CheckpointEntry]:
    """The checkpoints of ``entry`` as a list, whatever form they were given in.

    Args:
        entry: the model entry.
        base: directory of the config, where globs and commands start.
        where: the config's file, for messages.
        key: dotted key of the entry's checkpoints, for messages.

    Raises:
        Mistake: a glob that finds nothing, a step that is no number, a command that fails.
    """
    form = entry.checkpoints
    if form is None:
        return [CheckpointEntry(name=entry.family, step=0)]
    if isinstance(form, CheckpointGlob):
        return _globbed(form, entry.provider, base=base, where=where, key=key)
    if isinstance(form, CheckpointCommand):
        return _printed(form, base=base, where=where, key=key)
    return form


def _globbed(
    form: CheckpointGlob, provider: str, *, base: Path, where: str, key: str
) -> list[CheckpointEntry]:
    try:
        pattern = re.compile(form.step)
    except re.error as error:
        raise Mistake(f"is not a regular expression: {error}", where=where, key=f"{key}.step") from error
    if pattern.groups != 1:
        remedy = r"write for example 'step-(\d+)'"
        raise Mistake("needs exactly one group, the step", where=where, key=f"{key}.step", remedy=remedy)
    paths = sorted(base.glob(form.glob)) if not Path(form.glob).is_absolute() else []
    if not paths:
        remedy = f"it starts from {base}"
        raise Mistake(f"{form.glob!r} finds nothing", where=where, key=f"{key}.glob", remedy=remedy)
    # A file is the script of a scripted agent, and the name by which a server knows any other model.
    field = "script" if provider == "scripted" else "model"
    entries = []
    for path in paths:
        match = pattern.search(path.relative_to(base).as_posix())
        if match is None or not match[1].isdecimal():
            problem = f"no step in {path.name!r}"
            raise Mistake(problem, where=where, key=f"{key}.step", remedy="its group must match digits")
        found = {"name": path.name, "step": int(match[1]), field: str(path)}
        entries.append(parse(CheckpointEntry, found, where=f"{where}: {key}"))
    return sorted(entries, key=lambda entry: entry.step)


def _printed(form: CheckpointCommand, *, base: Path, where: str, key: str) -> list[CheckpointEntry]:
    key = f"{key}.command"
    try:
        done = subprocess.run(
            form.command, cwd=base, capture_output=True, timeout=_COMMAND_SECONDS, check=False
        )
    except OSError as error:
        raise Mistake(
            f"cannot be run ({error.strerror})", where=where, key=key, remedy=f"it starts in {base}"
        ) from error
    except subprocess.TimeoutExpired as error:
        problem = f"ran for more than {_COMMAND_SECONDS} s"
        raise Mistake(problem, where=where, key=key, remedy="print the checkpoints and end") from error
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "replace").strip().rsplit("\n", 1)[-1][:200]
        raise Mistake(
            f"ended with {done.returncode}: {last}", where=where, key=key, remedy="make it exit with 0"
        )
    if len(done.stdout) > _COMMAND_BYTES:
        raise Mistake("printed more than 1 MiB", where=where, key=key, remedy="print one checkpoint a line")
    entries = []
    for number, line in enumerate(done.stdout.decode("utf-8", "replace").splitlines(), 1):
        place = f"{where}: {key}, line {number} of its output"
        try:
            value = json.loads(line)
        except ValueError as error:
            raise Mistake("is not JSON", where=place, remedy='print {"name": …, "step": …}') from error
        entries.append(parse(CheckpointEntry, value, where=place))
    if not entries:
        raise Mistake(
            "printed no checkpoint", where=where, key=key, remedy="print one JSON checkpoint a line"
        )
    return entries


def bind(entry: ModelEntry, checkpoint: CheckpointEntry, *, where: str, key: str) -> BoundCheckpoint:
    """``checkpoint`` with the settings of its entry wherever it has none of its own.

    Raises:
        Mistake: a setting that its provider needs is missing, or what it names does not exist.
    """
    if entry.agent is not None:
        return _reference(entry, checkpoint, where=where, key=key)
    provider = checkpoint.provider or entry.provider
    sampling = (checkpoint.sampling or entry.sampling or Sampling()).model_dump(exclude_none=True)
    identity = Checkpoint(family=entry.family, name=checkpoint.name, step=checkpoint.step)
    merged = {**_written(entry), **_written(checkpoint)}
    for needed in _NEEDED.get(provider, ()):
        if needed not in merged:
            remedy = _REMEDIES[needed]
            raise Mistake("is missing", where=where, key=f"{key}.{needed}", remedy=remedy)
    if provider == "anthropic" and "max_tokens" not in sampling:
        remedy = "write for example max_tokens: 4096; this API answers nothing without it"
        raise Mistake("is missing", where=where, key=f"{key}.sampling.max_tokens", remedy=remedy)
    if provider == "scripted" and not Path(merged["script"]).is_file():
        problem, remedy = f"there is no file {merged['script']}", "paths start from the config's directory"
        raise Mistake(problem, where=where, key=f"{key}.script", remedy=remedy)
    try:
        if provider == "replay":
            name = merged.get("recorded", str(identity))
            recorded = RecordedCheckpoint(Path(merged["run"]), name, where=where, key=key)
            binding = {"digest": recorded.digest, "strict": merged.get("strict", False)}
            return BoundCheckpoint(identity, provider, recorded.digest, sampling, binding, recorded)
        binding = {name: merged[name] for name in _SETTINGS.get(provider, ()) if name in merged}
        weights = open_model(provider, step=checkpoint.step, binding=binding).digest
    except Mistake as mistake:
        raise _placed(mistake, where, key) from mistake
    return BoundCheckpoint(identity, provider, weights, sampling, binding)


def _reference(entry: ModelEntry, checkpoint: CheckpointEntry, *, where: str, key: str) -> BoundCheckpoint:
    """A look of a task's own agents. Their scripts are part of the task, and so of the episode's identity."""
    model = key.partition(".checkpoints")[0]
    if entry.provider != "scripted" or _written(entry) or _written(checkpoint):
        remedy = "write {family: …, provider: scripted, agent: ref} and nothing else"
        raise Mistake("an agent takes no model", where=where, key=f"{model}.agent", remedy=remedy)
    identity = Checkpoint(family=entry.family, name=checkpoint.name, step=checkpoint.step)
    binding = {"agent": entry.agent}
    return BoundCheckpoint(
        identity, entry.provider, digest(["agent", entry.agent]), {}, binding, agent=entry.agent
    )


def _written(entry: Binding) -> dict[str, Any]:
    """The settings that an entry gives, without those of all providers."""
    return entry.model_dump(
        exclude_none=True, include={name for names in _SETTINGS.values() for name in names}
    )


def _placed(mistake: Mistake, where: str, key: str) -> Mistake:
    """A provider's mistake with the place in the config, unless it names a file of its own."""
    if mistake.where:
        return mistake
    place = f"{key}.{mistake.key}" if mistake.key else key
    return Mistake(mistake.problem, where=where, key=place, remedy=mistake.remedy)
