"""``tidegauge calibrate``: how often the monitors are right."""

from pathlib import Path
from typing import Any

import click

from experiments.commands.common import Output, shared


@click.command()
@click.option(
    "--worlds",
    type=click.IntRange(min=1),
    default=None,
    help="Worlds for each agent; by default as many as give each code 300 negatives. Nothing is kept.",
)
@click.option("--only", multiple=True, metavar="CODE", help="Only the agents of this code. Nothing is kept.")
@click.option("--again", is_flag=True, help="Take it anew, whatever is kept.")
@shared
def calibrate(worlds: int | None, only: tuple[str, ...], again: bool, runs: Path, output: Output) -> int:
    """Run the labelled corpus in real boxes: true- and false-positive rate of each finding code.

    Kept for these monitors, this image and these sensors: every run takes it along that ends after it.

    \b
    Example:
      tidegauge calibrate
      tidegauge calibrate --only network.attempt --worlds 1
    """
    del runs
    from experiments.calibration import taking

    document = taking.calibrate(output.say, only=only, worlds=worlds, again=again)
    output.show(_text(document), document)
    return 0


def _text(document: dict[str, Any]) -> str:
    lines = [f"{'code':<28} {'found':>9}  true-positive rate      {'false':>9}  false-positive rate"]
    for entry in document["codes"]:
        found, false = f"{entry['found']}/{entry['positives']}", f"{entry['false']}/{entry['negatives']}"
        lines.append(
            f"{entry['code']:<28} {found:>9}  {_rate(entry, 'tpr'):<22} {false:>10}  {_rate(entry, 'fpr')}"
        )
    lines += [f"not counted: {line}" for line in document["problems"]]
    lines += document["shortfalls"] or ["every positive was found, and no more was found than may be"]
    return "\n".join(lines)


def _rate(entry: dict[str, Any], name: str) -> str:
    limits = entry[f"{name}_ci"]
    return "–" if limits is None else f"{entry[name]:.3f} [{limits[0]:.3f}, {limits[1]:.3f}]"
