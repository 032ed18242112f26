"""A periodic regression: what is new is run, synced, compared with a baseline, judged and reported."""

from dataclasses import dataclass
from typing import Any

from experiments.attempts.executors import Executor
from experiments.results.baseline import compared
from experiments.results.compare import Row, Side, compare
from experiments.results.trend import PLAIN
from experiments.running.running import Request, Result, Say, run


@dataclass(frozen=True, slots=True)
class Comparison:
    """The latest checkpoint, ``b``, against the baseline, ``a``."""

    a: Side
    b: Side
    rows: list[Row]

    def as_json(self) -> dict[str, Any]:
        """``comparison`` of the command's document."""
        return {
            "a": {"run": self.a.view.name, **self.a.checkpoint.model_dump()},
            "b": {"run": self.b.view.name, **self.b.checkpoint.model_dump()},
            "comparisons": [row.as_json() for row in self.rows],
        }


def regress(request: Request, say: Say, executor: Executor | None = None) -> tuple[Result, Comparison | None]:
    """``running.run`` with the request's baseline, and the comparison with the latest checkpoint.

    The latest is that of the baseline's family, or of all families where that one has none after it. There is no comparison where the run has no other checkpoint than the baseline.

    Raises:
        Mistake: something in what was asked; nothing was run.
        KeyboardInterrupt: it was interrupted; what had ended is kept.
    """
    result = run(request, say, executor)
    baseline = result.verdict.baseline
    if baseline is None:
        raise ValueError("a regression needs a baseline")
    view = result.view.of_models()
    others = compared(view, baseline)
    family = [one for one in others if one.family == baseline.checkpoint.family]
    if not others:
        return result, None
    side = Side(view, max(family or others, key=lambda one: one.step))
    arms = sorted({line.arm for one in (baseline, side) for line in one.view.lines}) or [PLAIN]
    return result, Comparison(baseline, side, compare(baseline, side, arms))
