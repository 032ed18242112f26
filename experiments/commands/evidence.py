"""Commands that check what is stored: ``verify`` and ``rescan``."""

from collections.abc import Sequence
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
    from experiments.identity import read_secret
    from experiments.rundir import find_run
    from experiments.verify import verify as verify_run

    result = verify_run(find_run(runs, name), read_secret())
    first = "anchored" if result.anchored else "unanchored: the key is not here, only the chains were checked"
    output.show("\n".join([first, *_lines(result.problems, "intact")]), result.as_json())
    return 0 if result.ok else BROKEN


@click.command()
@click.argument("name", metavar="RUN", shell_complete=run_names)
@shared
def rescan(name: str, runs: Path, output: Output) -> int:
    """Run the monitors over the stored logs. Exit 0 if they find what was found live, else 2.

    \b
    Example:
      tidegauge rescan quickstart-68bbc6b1b550
    """
    from experiments.rescan import rescan as rescan_run
    from experiments.rundir import find_run

    problems = rescan_run(find_run(runs, name))
    listed = [{"file": p.file, "line": p.line, "reason": p.reason} for p in problems]
    output.show("\n".join(_lines(problems, "equal")), {"ok": not problems, "problems": listed})
    return BROKEN if problems else 0


def _lines(problems: "Sequence[BrokenLine]", otherwise: str) -> list[str]:
    return [f"{p.file}:{p.line}: {p.reason}" for p in problems] or [otherwise]
