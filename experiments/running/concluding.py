"""The end of a run's way: the verdict, anchored and written, and the report. From the run directory alone."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from experiments.forms import parse
from experiments.planning.policy import Policy, load_policy
from experiments.reading.reading import load_view
from experiments.reading.recorded import read_recorded
from experiments.reading.verify import VERDICT
from experiments.record import durable
from experiments.record.anchors import Anchors
from experiments.record.rundir import EXPERIMENT, read_experiment
from sandbox.canonical import canonical
from sandbox.errors import Mistake

if TYPE_CHECKING:
    from experiments.reading.view import RunView
    from experiments.results.compare import Side
    from experiments.verdict.gate import Verdict

REPORT: Final = "report.html"


def own_policy(directory: Path) -> Policy:
    """The policy that the run recorded last; before it recorded any, the one that its config names.

    Raises:
        Mistake: it is not there any more, or wrong.
    """
    recorded = read_recorded(directory).policies
    if recorded:
        return parse(Policy, recorded[-1].document, where=f"the policy recorded in {directory}")
    name = read_experiment(directory).config["policy"]
    return load_policy(name, where=str(directory / EXPERIMENT), key="config.policy")


def own_baseline(directory: Path) -> str | None:
    """The baseline of the run's stored verdict, as it is asked for; None if it has none."""
    try:
        asked = json.loads((directory / VERDICT).read_bytes())["baseline"]["asked"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(asked)


def judged(directory: Path) -> "tuple[RunView, Verdict]":
    """The run, and what its own policy says of it, against the baseline of its stored verdict.

    Raises:
        Mistake: the policy or the baseline is not there any more.
    """
    view, policy, asked = load_view(directory), own_policy(directory), own_baseline(directory)
    # Imported while other processes check the chains.
    from experiments.verdict.gate import judge

    try:
        return view, judge(policy, view, _baseline(view, asked))
    except Mistake as mistake:
        remedy = f"restore it, or judge anew with `tidegauge run` or `regress` ({mistake.problem})"
        raise Mistake(
            f"the verdict's baseline {asked} is gone", where=str(directory), remedy=remedy
        ) from mistake


def conclude(
    directory: Path, anchors: Anchors, policy: Policy, baseline: str | None
) -> "tuple[RunView, Verdict]":
    """Judges a run that this process holds, and writes verdict and report.

    Raises:
        Mistake: there is no such ``baseline``.
    """
    view = load_view(directory)
    from experiments.reporting import report
    from experiments.verdict.gate import judge

    verdict = judge(policy, view, _baseline(view, baseline))
    text = canonical(verdict.as_json()).decode("utf-8")
    anchors.append("verdict", [text])
    durable.replace(directory / VERDICT, text.encode("utf-8"))
    durable.replace(directory / REPORT, report.html(view, verdict).encode("utf-8"))
    return view, verdict


def _baseline(view: "RunView", asked: str | None) -> "Side | None":
    from experiments.results.baseline import find_baseline

    return None if asked is None else find_baseline(view, view.directory.resolve().parent, asked)
