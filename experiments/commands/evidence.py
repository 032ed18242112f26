"""Commands that check what is stored: ``verify`` and ``rescan``."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.commands.common import Output, shared
from experiments.commands.completing import run_names

if TYPE_CHECKING:
    from sandbox.events import BrokenLine

BROKEN = 2


@click.command()
@click.argument("name", metavar="RUN", shell_complete=run_names)
@shared
def verify(name: str, runs: Path, output: Output) -> int:
    """Check chains, counts, anchors and blobs. Exit 0 intact, 2 broken.

    \b
    Example:
      tidegauge verify quickstart-68bbc6b1b550
    """
    from experiments.reading.verify import verify as verify_run
    from experiments.record.identity import read_secret
    from experiments.record.rundir import find_run

    result = verify_run(find_run(runs, name), read_secret())
    first = "anchored" if result.anchored else "unanchored: the key is not here, only the chains were checked"
    output.show("\n".join([first, *_lines(result.problems, "intact")]), result.as_json())
    return 0 if result.ok else BROKEN


@click.command()
@click.argument("name", metavar="RUN", shell_complete=run_names)
@shared
def rescan(name: str, runs: Path, output: Output) -> int:
    """Run the monitors over the stored logs. Exit 0 if they find what was found live, else 2.

    RUN may also be a directory of event logs (events.jsonl, NAME.events.jsonl) that another program made: then
    it says what the monitors find in each, and exits with 2 where a log is malformed.

    \b
    Example:
      tidegauge rescan quickstart-68bbc6b1b550
      tidegauge rescan logs-of-another-program/
    """
    from experiments.record.rescan import rescan as rescan_run
    from experiments.record.rundir import EXPERIMENT, find_run

    if Path(name).is_dir() and not (Path(name) / EXPERIMENT).exists():
        return _rescan_logs(Path(name), output)
    problems = rescan_run(find_run(runs, name))
    output.show("\n".join(_lines(problems, "equal")), {"ok": not problems, "problems": _as_json(problems)})
    return BROKEN if problems else 0


def _rescan_logs(directory: Path, output: Output) -> int:
    """The monitors over event logs that belong to no run of ours."""
    from experiments.record.rescan import rescan_directory
    from experiments.text import plain

    scan = rescan_directory(directory)
    lines = [
        f"{plain(name)}: {found.code} {int(found.severity)} [{', '.join(map(str, found.evidence))}] {plain(found.note)}"
        for name, log in scan.logs.items()
        for found in log.findings
    ]
    lines += _lines(scan.problems, f"{len(scan.logs)} logs, {len(lines)} findings")
    logs = {
        name: {"findings": [found.as_json() for found in log.findings], "coverage": log.coverage}
        for name, log in scan.logs.items()
    }
    document = {"ok": not scan.problems, "problems": _as_json(scan.problems), "logs": logs}
    output.show("\n".join(lines), document)
    return BROKEN if scan.problems else 0


def _as_json(problems: "Sequence[BrokenLine]") -> list[dict[str, str | int]]:
    return [{"file": p.file, "line": p.line, "reason": p.reason} for p in problems]


def _lines(problems: "Sequence[BrokenLine]", otherwise: str) -> list[str]:
    """One for each problem; lines of a file that have the same problem one after the other together."""
    from experiments.text import plain

    lines: list[str] = []
    for (file, reason, _), group in groupby(
        enumerate(problems), lambda one: (one[1].file, one[1].reason, one[1].line - one[0])
    ):
        numbers = [problem.line for _, problem in group]
        span = "-".join(str(number) for number in sorted({numbers[0], numbers[-1]}) if number)
        lines.append(plain(f"{file}:{span}: {reason}" if span else f"{file}: {reason}"))
    return lines or [otherwise]
