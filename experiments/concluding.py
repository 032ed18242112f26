"""The end of a run's way: the verdict, anchored and written, and the report. From the run directory alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from experiments import durable
from experiments.anchors import Anchors
from experiments.policy import load_policy
from experiments.reading import load_view
from experiments.rundir import EXPERIMENT, read_experiment
from experiments.verify import VERDICT
from sandbox.canonical import canonical

if TYPE_CHECKING:
    from experiments.gate import Verdict
    from experiments.policy import Policy
    from experiments.view import RunView

REPORT: Final = "report.html"


def own_policy(directory: Path) -> "Policy":
    """The policy that the run's config names, as it is now.

    Raises:
        Mistake: it is not there any more, or wrong.
    """
    name = read_experiment(directory).config["policy"]
    return load_policy(name, where=str(directory / EXPERIMENT), key="config.policy")


def judged(directory: Path) -> "tuple[RunView, Verdict]":
    """The run, and what its own policy says of it."""
    from experiments.gate import judge

    view = load_view(directory)
    return view, judge(own_policy(directory), view)


def conclude(directory: Path, anchors: Anchors, policy: "Policy") -> "tuple[RunView, Verdict]":
    """Judges a run that this process holds, and writes verdict and report."""
    from experiments import report
    from experiments.gate import judge

    view = load_view(directory)
    verdict = judge(policy, view)
    text = canonical(verdict.as_json()).decode("utf-8")
    anchors.append("verdict", [text])
    durable.replace(directory / VERDICT, text.encode("utf-8"))
    durable.replace(directory / REPORT, report.html(view, verdict).encode("utf-8"))
    return view, verdict
