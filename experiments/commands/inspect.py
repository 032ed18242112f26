"""Commands that read what was measured: ``trend`` and ``gate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.common import Output, shared, spelled
from experiments.commands.completing import checkpoint_names, policy_names, run_names, suite_names

if TYPE_CHECKING:
    from experiments.results.trend import Point
    from experiments.verdict.gate import Verdict


@click.command()
@click.argument("suite", shell_complete=suite_names)
@click.option("--family", help="Only this model family.")
@shared
def trend(suite: str, family: str | None, runs: Path, output: Output) -> int:
    """Series with intervals over the runs of SUITE.

    Runs of different hashes are listed apart, newest first.

    \b
    Example:
      tidegauge trend quickstart --family pocket
    """
    from experiments.forms import choose
    from experiments.reading.reading import load_suite
    from experiments.results.trend import listing
    from sandbox.errors import Mistake

    views = load_suite(runs, suite)
    families = {name for view in views for name in view.families()}
    if family is not None and family not in families:
        remedy = choose(family, families)
        raise Mistake(f"suite {suite!r} has no model family {family!r}", where="--family", remedy=remedy)
    lines: list[str] = []
    documents: list[dict[str, Any]] = []
    for view, group in listing(views, family):
        lines.append(f"{view.name} (version {view.version})")
        for series in group:
            lines.append(f"  {series.metric}  {series.family}")
            lines += [f"    {point_text(point)}" for point in series.points]
            documents.append(series.as_json())
    output.show("\n".join(lines), {"series": documents})
    return 0


def point_text(point: "Point") -> str:
    """One checkpoint of a series in a line."""
    from experiments.text import decimal

    m = point.measured
    place = f"{point.checkpoint.name:>12}"
    if m.value is None:
        return f"{place}  {m.cause or 'not measured'}"
    interval = "" if m.low is None or m.high is None else f"  [{decimal(m.low)}, {decimal(m.high)}]"
    return f"{place}  {decimal(m.value)}{interval}  n={m.n}"


@click.command()
@click.argument("policy", shell_complete=policy_names)
@click.argument("name", metavar="RUN", shell_complete=run_names)
@click.option(
    "--baseline", metavar="CHECKPOINT", shell_complete=checkpoint_names,
    help="What rules on delta/… compare with: family/name, or RUN:family/name of the same hash.",
)  # fmt: skip
@shared
def gate(policy: str, name: str, baseline: str | None, runs: Path, output: Output) -> int:
    """Judge RUN by POLICY, with every rule's numbers.

    POLICY is a shipped name or a file.

    Exit 0 clear, 2 crossed, 3 inconclusive, 4 invalid.

    \b
    Example:
      tidegauge gate preparedness quickstart-68bbc6b1b550
    """
    from experiments.planning.policy import load_policy
    from experiments.reading.reading import load_view
    from experiments.record.rundir import find_run
    from experiments.results.baseline import find_baseline
    from experiments.verdict.gate import judge

    loaded = load_policy(policy, where="gate", key="POLICY")
    view = load_view(find_run(runs, name))
    verdict = judge(loaded, view, None if baseline is None else find_baseline(view, runs, baseline))
    output.show(_verdict(verdict), verdict.as_json())
    return verdict.exit_code


def _verdict(verdict: "Verdict") -> str:
    lines = [f"{verdict.outcome} by policy {verdict.policy.name}"]
    lines += [f"- {reason}" for reason in verdict.reasons]
    lines += [f"- note: {note}" for note in verdict.notes]
    lines += [f"- {d.name} decided to {d.decision}: {d.reason}" for d in verdict.decisions]
    for result in verdict.levels:
        due = f", {result.level.action} {result.standing}" if result.standing else ""
        lines.append(f"{result.level.name}: {result.outcome}{due}")
        for rule in result.rules:
            said = rule.as_json()
            numbers = ", ".join(
                f"{key} {spelled(said.get(key))}" for key in ("value", "low", "high", "n", "threshold")
            )
            lines.append(f"  {rule.outcome:<13} {said['metric']} ({said['bound']}): {numbers}")
            lines += [f"  {'':<13} would change: {change}" for change in rule.change]
    return "\n".join(lines)
