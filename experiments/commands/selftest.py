"""``tidegauge selftest``: what a box on this machine holds."""

from collections import Counter
from pathlib import Path
from typing import Any

import click

from experiments.commands.common import Output, shared

REGRESSED = 2
#: From what needs attention to what does not.
_ORDER = ("failed", "accepted", "untestable", "held")


@click.command()
@click.option(
    "--runtime", type=click.Choice(["auto", "runc", "runsc"]), default="auto", show_default=True,
    help="The container runtime; auto is runc.",
)  # fmt: skip
@click.option("--image", default="episode", show_default=True, help="The image that boxes are made of.")
@click.option("--all", "whole", is_flag=True, help="Also list every check that held.")
@shared
def selftest(runtime: str, image: str, whole: bool, runs: Path, output: Output) -> int:
    """Try in real boxes what a box promises.

    Some 300 checks, as the agent's user and from the host, against the baseline of this version. Exit 0 as
    the baseline, 2 regressed. docs/containment.md says how to read it.

    \b
    Example:
      tidegauge selftest
      tidegauge selftest --all
    """
    from experiments.attempts.containment import take

    document = take(image, "runc" if runtime == "auto" else runtime, output.say)
    output.show(_text(document, whole), document)
    return REGRESSED if document["regressed"] else 0


def _text(document: dict[str, Any], whole: bool) -> str:
    checks = document["checks"]
    counts = Counter(check["result"] for check in checks)
    lines = []
    for result in _ORDER:
        shown = [check for check in checks if check["result"] == result]
        if result == "held" and not whole:
            lines += [f"held        {kind:<15} {n} checks" for kind, n in _by_kind(shown).items()]
            continue
        lines += [
            f"{result:<11} {check['name']:<32} {check['meaning']}: {check['detail']}" for check in shown
        ]
    machine = ", ".join(f"{key} {value}" for key, value in document["machine"].items() if key != "image")
    lines += ["", f"{len(checks)} checks: " + ", ".join(f"{name} {counts[name]}" for name in _ORDER)]
    lines += [f"runtime {document['runtime']}, {machine}"]
    if document["regressed"]:
        return "\n".join([*lines, "REGRESSED against the baseline:", *document["regressed"]])
    return "\n".join([*lines, "as the baseline"])


def _by_kind(checks: list[dict[str, str]]) -> dict[str, int]:
    return dict(sorted(Counter(check["name"].partition(".")[0] for check in checks).items()))
