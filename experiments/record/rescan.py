"""The monitors over a run's stored logs: what was found live must be found again."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from experiments.record import artefacts, durable, resources
from experiments.record.anchors import Anchors
from experiments.record.ledger import LEDGER, PLAN, read_records
from experiments.record.locking import driver_of
from experiments.record.records import LedgerLine, PlanLine
from experiments.record.rundir import EVENTS, attempt_dir, attempts, relative
from experiments.record.spread import spread
from monitors.account import Account
from monitors.rescan import DirectoryRescan, Rescan, compare, event_logs, rescan_log, rescan_logs
from sandbox.canonical import canonical
from sandbox.events import BrokenLine

FINDINGS: Final = "findings.jsonl"
#: Events below which it is not worth a process to look at them: some 0.1 s of one processor; and what they take on disk.
WORTHWHILE: Final = 2_500
WORTHWHILE_BYTES: Final = 1_000_000


def rescan(directory: Path) -> list[BrokenLine]:
    """How the stored findings differ from those that the monitors make of the stored logs.

    Returns:
        One problem for each difference or unreadable log, with file (relative to the run) and line.
    """
    problems: list[BrokenLine] = []
    live = driver_of(directory) is not None
    try:
        lines = read_records(directory / LEDGER, LedgerLine)
        alone = sum(line.chain.events for line in lines) < WORTHWHILE
        for found in spread(partial(_differences, directory), list(enumerate(lines, 1)), alone=alone):
            problems += found
        rebuilt = _findings(directory, lines)
        stored = _stored(directory)
    except BrokenLine as broken:
        return [*problems, BrokenLine(relative(broken.file, directory), broken.line, broken.reason)]
    if live:
        # A driver at work writes this file when it ends; until then its attempts look abandoned.
        return problems
    if stored != rebuilt:
        problems.append(BrokenLine(FINDINGS, 0, "is not what the logs of abandoned attempts give"))
    return problems


def rescan_directory(root: Path) -> DirectoryRescan:
    """What the monitors say of every event log under ``root``, of whichever program; see ``rescan_logs``."""
    paths = event_logs(root)
    alone = sum(path.lstat().st_size for path in paths) < WORTHWHILE_BYTES
    whole = DirectoryRescan({}, [])
    for part in spread(partial(rescan_logs, root), paths, alone=alone):
        whole.logs.update(part.logs)
        whole.problems.extend(part.problems)
    return whole


def _differences(directory: Path, lines: Sequence[tuple[int, LedgerLine]]) -> list[BrokenLine]:
    return [problem for number, line in lines for problem in differences(directory, line, number)]


def write_findings(directory: Path, anchors: Anchors) -> None:
    """Writes ``findings.jsonl`` anew, anchored first: findings of abandoned attempts, in plan order.

    Raises:
        StorageFault: the disk refused it.
    """
    content = _findings(directory, read_records(directory / LEDGER, LedgerLine))
    text = content.decode("utf-8")
    if (anchors.texts("findings") or [""])[-1] != text:
        anchors.append("findings", [text])
    durable.replace(directory / FINDINGS, content)


def differences(directory: Path, line: LedgerLine, number: int) -> Iterator[BrokenLine]:
    """How one attempt's stored findings and coverage differ from those of its stored log.

    ``number`` is the line's own in the ledger, for messages.
    """
    attempt = attempt_dir(directory, line.episode, line.attempt)
    try:
        account = Account()
        contents = artefacts.contents(directory, attempt)
        again = rescan_log(attempt / EVENTS, contents=contents, see=account.feed)
    except BrokenLine as broken:
        yield BrokenLine(relative(broken.file, directory), broken.line, broken.reason)
        return
    except OSError as error:
        yield BrokenLine(relative(str(attempt / EVENTS), directory), 0, error.strerror or "cannot be read")
        return
    live = [finding.model_dump(mode="json") for finding in line.findings]
    for reason in compare(live, _as_json(again)):
        yield BrokenLine(LEDGER, number, reason)
    if line.coverage != again.coverage:
        yield BrokenLine(LEDGER, number, "the coverage stored is not the coverage found")
    stored = attempt / resources.FILE
    if stored.is_file() and stored.read_bytes() != resources.text(account.as_json(again.findings)):
        yield BrokenLine(relative(str(stored), directory), 1, "is not what the events give")


def _findings(directory: Path, lines: list[LedgerLine]) -> bytes:
    """The content of ``findings.jsonl``."""
    ended = {(line.episode, line.attempt) for line in lines}
    found: list[dict[str, Any]] = []
    for planned in read_records(directory / PLAN, PlanLine):
        for attempt in attempts(directory, planned.episode):
            path = attempt_dir(directory, planned.episode, attempt) / EVENTS
            if (planned.episode, attempt) not in ended and path.is_file():
                found += _of_abandoned(directory, planned.episode, attempt)
    return b"".join(canonical(finding) + b"\n" for finding in found)


def _of_abandoned(directory: Path, episode: str, attempt: int) -> list[dict[str, Any]]:
    place = attempt_dir(directory, episode, attempt)
    try:
        again = rescan_log(place / EVENTS, torn_end=True, contents=artefacts.contents(directory, place))
    except BrokenLine:
        # `verify` names the line, and the verdict is invalid: half a log would only look like one.
        return []
    return [{"episodes": [episode], "attempt": attempt, **finding} for finding in _as_json(again)]


def read_findings(directory: Path) -> list[dict[str, Any]]:
    """The stored findings over several episodes and of abandoned attempts.

    Raises:
        BrokenLine: their file is no regular file.
        ValueError: it holds no JSON.
    """
    return [json.loads(line) for line in _stored(directory).splitlines()]


def _stored(directory: Path) -> bytes:
    """The stored ``findings.jsonl``, empty where there is none.

    Raises:
        BrokenLine: it is no regular file.
    """
    try:
        return durable.read(directory / FINDINGS)
    except FileNotFoundError:
        return b""


def _as_json(again: Rescan) -> list[dict[str, Any]]:
    return [finding.as_json() for finding in again.findings]
