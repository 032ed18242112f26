"""``tidegauge status``."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.common import Output, shared, spelled
from experiments.commands.completing import run_names

if TYPE_CHECKING:
    from experiments.reading.view import RunView
    from experiments.record.locking import Driver

#: The rate is taken over so many of the latest results.
_RATE_OVER = 50


@click.command()
@click.argument("name", metavar="RUN", shell_complete=run_names)
@click.option("--resources", is_flag=True, help="Also what attempts obtained against what they were granted.")
@shared
def status(name: str, resources: bool, runs: Path, output: Output) -> int:
    """Counts by status, rate, time left and findings.

    Works at any time, while a driver is at work too: then it also names the driver.

    \b
    Example:
      tidegauge status quickstart-68bbc6b1b550 --resources
    """
    from experiments.reading.reading import load_view
    from experiments.record.locking import driver_of
    from experiments.record.rundir import find_run

    directory = find_run(runs, name)
    # Asked before the ledger is read: what a driver adds meanwhile is shown the next time.
    driver = driver_of(directory)
    view = load_view(directory, check=False)
    document = _document(view, driver)
    lines = [f"{key:<13} {_plain(value)}" for key, value in document.items()]
    if resources:
        document["resources"] = rows = _resources(view)
        lines += ["", f"{'resource':<18}{'granted':>12}{'most obtained':>15}{'attempts':>10}  unit"]
        lines += [
            f"{row['resource']:<18}{spelled(row['granted']):>12}{spelled(row['obtained']):>15}"
            f"{row['attempts']:>10}  {row['unit']}"
            for row in rows
        ]
    output.show("\n".join(lines), document)
    return 0


def _resources(view: "RunView") -> list[dict[str, Any]]:
    """The most that an attempt obtained of each resource, beside its grant, and how many obtained any."""
    from experiments.record.resources import highest, read
    from experiments.record.rundir import attempt_dir

    kept = (read(attempt_dir(view.directory, line.episode, line.attempt)) for line in view.lines)
    return [
        {
            "resource": name,
            "unit": row.unit,
            "granted": row.granted,
            "obtained": row.obtained,
            "attempts": some,
        }
        for name, (row, some) in highest(account for account in kept if account is not None).items()
    ]


def _document(view: "RunView", driver: "Driver | None") -> dict[str, Any]:
    from experiments.record.rundir import running

    ended = [(line.episode, line.attempt) for line in view.lines]

    results = view.results()
    rate = _rate(view, driver) if driver else None
    return {
        "run": view.name,
        "driver": str(driver) if driver else None,
        "episodes": dict(sorted(Counter(result.line.status for result in results).items())),
        "running": running(view.directory, ended, driver.since) if driver else 0,
        "lost": len(view.lost),
        "ungraded": sum(result.line.ungraded is not None for result in results),
        "pending": len(view.pending),
        "per_minute": rate,
        "minutes_left": len(view.pending) / rate if rate else None,
        "findings": dict(sorted(_findings(view).items())),
    }


def _findings(view: "RunView") -> Counter[str]:
    """Episodes by code, whatever became of their attempts."""
    found = {(line.episode, finding.code) for line in view.lines for finding in line.findings}
    return Counter(code for _, code in found)


def _rate(view: "RunView", driver: "Driver") -> float | None:
    """Results a minute of this driver, over its latest; None until there are two."""
    from experiments.record.anchors import FILE, read_anchors
    from sandbox.errors import Mistake
    from sandbox.events import BrokenLine

    try:
        entries = read_anchors(view.directory / FILE, None, torn_end=True)
    except BrokenLine as broken:
        remedy = "`tidegauge verify RUN` names every edit"
        raise Mistake(broken.reason, where=f"{broken.file}:{broken.line}", remedy=remedy) from broken
    times = [entry.at for entry in entries if entry.kind == "ledger" and entry.at >= driver.since]
    times = times[-_RATE_OVER:]
    seconds = times[-1] - times[0] if times else 0
    return 60 * (len(times) - 1) / seconds if seconds > 0 else None


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {n}" for key, n in value.items()) or "none"
    return spelled(value)
