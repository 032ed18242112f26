"""Commands that read a run: ``status``, ``trend``, ``gate``."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.common import Output, shared

if TYPE_CHECKING:
    from experiments.gate import Verdict
    from experiments.trend import Point

_RATE_OVER = 50


@click.command()
@click.argument("name", metavar="RUN")
@shared
def status(name: str, runs: Path, output: Output) -> int:
    """Counts by status, rate, time left and findings so far."""
    from experiments.reading import load_view
    from experiments.rundir import find_run, holder

    directory = find_run(runs, name)
    view = load_view(directory, check=False)
    results = view.results()
    driver = holder(directory)
    rate = _rate(directory) if driver else None
    document = {
        "run": view.name,
        "driver": driver,
        "episodes": dict(sorted(Counter(result.line.status for result in results).items())),
        "lost": len(view.lost),
        "ungraded": sum(result.line.ungraded is not None for result in results),
        "pending": len(view.pending),
        "per_minute": rate,
        "minutes_left": len(view.pending) / rate if rate else None,
        "findings": dict(sorted(Counter(code for result in results for code in result.codes).items())),
    }
    output.show("\n".join(f"{key:<13} {_plain(value)}" for key, value in document.items()), document)
    return 0


def _rate(directory: Path) -> float | None:
    """Ended attempts a minute, over the latest that the anchors give times for."""
    from experiments.anchors import FILE, read_anchors

    times = [
        entry.at for entry in read_anchors(directory / FILE, None, torn_end=True) if entry.kind == "ledger"
    ]
    times = times[-_RATE_OVER:]
    seconds = times[-1] - times[0] if times else 0
    return 60 * (len(times) - 1) / seconds if seconds > 0 else None


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {n}" for key, n in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:.1f}"
    return "–" if value is None else str(value)


@click.command()
@click.argument("suite")
@click.option("--family", help="Only this model family.")
@shared
def trend(suite: str, family: str | None, runs: Path, output: Output) -> int:
    """Series with intervals over the runs of SUITE; runs of different hashes are listed apart."""
    from experiments.reading import load_suite
    from experiments.trend import listing

    lines: list[str] = []
    documents: list[dict[str, Any]] = []
    for view, group in listing(load_suite(runs, suite), family):
        lines.append(f"{view.name} (version {view.version})")
        for series in group:
            lines.append(f"  {series.metric}  {series.family}")
            lines += [f"    {_point(point)}" for point in series.points]
            documents.append(series.as_json())
    output.show("\n".join(lines), {"series": documents})
    return 0


def _point(point: "Point") -> str:
    m = point.measured
    place = f"{point.checkpoint.name:>12}"
    if m.value is None:
        return f"{place}  not measured: {m.cause}"
    interval = "" if m.low is None or m.high is None else f"  [{m.low:.3f}, {m.high:.3f}]"
    return f"{place}  {m.value:.3f}{interval}  n={m.n}"


@click.command()
@click.argument("policy")
@click.argument("name", metavar="RUN")
@shared
def gate(policy: str, name: str, runs: Path, output: Output) -> int:
    """Judge RUN by POLICY (a shipped name or a file), with every rule's numbers.

    Exit 0 clear, 2 crossed, 3 inconclusive, 4 invalid.
    """
    from experiments.gate import judge
    from experiments.policy import load_policy
    from experiments.reading import load_view
    from experiments.rundir import find_run

    loaded = load_policy(policy)
    verdict = judge(loaded, load_view(find_run(runs, name)))
    output.show(_verdict(verdict), verdict.as_json())
    return verdict.exit_code


def _verdict(verdict: "Verdict") -> str:
    lines = [f"{verdict.outcome} by policy {verdict.policy.name}"]
    lines += [f"- {reason}" for reason in verdict.reasons]
    for result in verdict.levels:
        lines.append(f"{result.level.name}: {result.outcome}")
        for rule in result.rules:
            said = rule.as_json()
            numbers = ", ".join(
                f"{key} {_plain(said.get(key))}" for key in ("value", "low", "high", "n", "threshold")
            )
            lines.append(f"  {rule.outcome:<13} {said['metric']} ({said['bound']}): {numbers}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
