"""A run as its readers see it: loaded from its directory, without the secret and without a lock."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from experiments.attempts.containment import SELFTEST
from experiments.calibration.kept import CALIBRATION
from experiments.reading.recorded import read_recorded
from experiments.reading.verify import begin_verifying
from experiments.reading.view import RunView
from experiments.record import durable
from experiments.record.identity import read_secret
from experiments.record.ledger import LEDGER, PLAN, lost_and_pending, read_records
from experiments.record.records import Checkpoint, FindingRecord, LedgerLine, PlanLine
from experiments.record.rescan import FINDINGS, read_findings
from experiments.record.rundir import Experiment, list_runs, read_experiment
from sandbox.canonical import digest
from sandbox.errors import Mistake
from sandbox.events import BrokenLine


def load_view(directory: Path, *, check: bool = True) -> RunView:
    """Reads a run.

    Args:
        directory: the run directory.
        check: begin to verify its chains too, which goes on in other processes; without, ``chain_ok`` is None.

    Raises:
        Mistake: it is not a run, or a line of it cannot be read.
    """
    experiment = read_experiment(directory)
    verified = cache(begin_verifying(directory, read_secret())) if check else None
    try:
        plan = read_records(directory / PLAN, PlanLine)
        lines = read_records(directory / LEDGER, LedgerLine)
    except BrokenLine as broken:
        remedy = "`tidegauge verify RUN` names every edit"
        raise Mistake(broken.reason, where=f"{broken.file}:{broken.line}", remedy=remedy) from broken
    lost, pending = lost_and_pending(plan, lines, retries_of(experiment))
    return RunView(
        directory=directory,
        name=experiment.run,
        suite=experiment.suite,
        version=experiment.version,
        hash=experiment.hash,
        checkpoints=_checkpoints(plan),
        lines=lines,
        lost=lost,
        pending=pending,
        provider_by_family={line.checkpoint.family: line.provider for line in plan},
        verified=lambda: None if verified is None else verified().ok,
        selftest=_document(directory / SELFTEST),
        calibration=_document(directory / CALIBRATION),
        scaffold=experiment.scaffold,
        suite_digest=digest(experiment.tasks),
        recorded=read_recorded(directory),
        abandoned=_abandoned(directory),
        agents={line.checkpoint.family: line.agent for line in plan if line.agent is not None},
    )


def load_suite(runs: Path, suite: str) -> list[RunView]:
    """The runs of one suite under ``runs``, newest first.

    Raises:
        Mistake: there is none.
    """
    # By the directory's name, <suite>-<hash>: a run of another format must not hide those of other suites.
    named = [(path, path.resolve().name.rpartition("-")[0]) for path in list_runs(runs)]
    found = [load_view(path, check=False) for path, name in named if name == suite]
    if not found:
        there = ", ".join(sorted({name for _, name in named})) or "none"
        raise Mistake(f"no run of suite {suite!r}", where=str(runs), remedy=f"suites here: {there}")
    return found


def retries_of(experiment: Experiment) -> int:
    """How many more attempts the run's latest invocation gave an episode after a host fault."""
    return int(experiment.config.get("retries", 0))


def _checkpoints(plan: Sequence[PlanLine]) -> list[Checkpoint]:
    return list(dict.fromkeys(line.checkpoint for line in plan))


def _abandoned(directory: Path) -> dict[str, list[FindingRecord]]:
    try:
        stored = read_findings(directory)
        found = [(entry["episodes"], FindingRecord.model_validate(entry)) for entry in stored]
    except (BrokenLine, ValueError, KeyError, TypeError) as error:
        remedy = "`tidegauge rescan RUN` says what it should hold"
        raise Mistake("cannot be read", where=str(directory / FINDINGS), remedy=remedy) from error
    by_episode: dict[str, list[FindingRecord]] = {}
    for episodes, finding in found:
        for episode in episodes:
            by_episode.setdefault(episode, []).append(finding)
    return by_episode


def _document(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(durable.read(path))
    except FileNotFoundError:
        return None
    except BrokenLine as broken:
        raise Mistake(broken.reason, where=str(path), remedy="remove it, or take it again") from broken
    except ValueError as error:
        raise Mistake("is not JSON", where=str(path), remedy="take it again") from error
    if not isinstance(value, dict):
        raise Mistake("is not a JSON object", where=str(path), remedy="take it again")
    return value
