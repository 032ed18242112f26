"""``tidegauge approve``."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from experiments.commands.common import Output, shared
from experiments.commands.completing import run_names

if TYPE_CHECKING:
    from experiments.reading.recorded import DecisionKind
    from experiments.verdict.gate import Verdict


@click.command()
@click.argument("name", metavar="RUN", shell_complete=run_names)
@click.option("--as", "person", metavar="NAME", required=True, help="Who decides.")
@click.option("--decision", type=click.Choice(["promote", "hold", "halt"]), required=True)
@click.option("--reason", required=True, help="Why; it is shown with the decision.")
@shared
def approve(name: str, person: str, decision: str, reason: str, runs: Path, output: Output) -> int:
    """Record a signed decision on the verdict of RUN.

    It stands for the evidence and the policy as they are now: new results ask for a new one. Of each
    person the last decision counts. Verdict and report are written anew and show it.

    \b
    Example:
      tidegauge approve quickstart-68bbc6b1b550 --as "A. Person" --decision hold --reason "n is small"
    """
    from experiments.record.identity import read_secret
    from experiments.record.rundir import find_run
    from experiments.running.approve import approve as record

    directory = find_run(runs, name)
    verdict = record(directory, read_secret(), person, cast("DecisionKind", decision), reason)
    document = {
        "run": directory.resolve().name,
        "verdict": verdict.outcome,
        "levels": [level.as_json() for level in verdict.levels],
        "decisions": [one.as_json() for one in verdict.decisions],
    }
    output.show(_text(verdict), document)
    return 0


def _text(verdict: "Verdict") -> str:
    lines = [f"recorded; the verdict is {verdict.outcome} by policy {verdict.policy.name}"]
    lines += [
        f"{result.level.name}: {result.level.action}, {result.standing}"
        for result in verdict.levels
        if result.standing is not None
    ]
    return "\n".join(lines)
