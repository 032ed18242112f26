"""Two checkpoints of one run hash, compared on the worlds that both of them met."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from experiments.forms import choose
from experiments.reading.reading import load_view
from experiments.reading.view import RunView
from experiments.record.records import Checkpoint, LedgerLine, Score
from experiments.record.rundir import find_run
from experiments.results.besides import Besides, besides
from experiments.results.metrics import Scoring
from experiments.stats.mcnemar import change
from experiments.stats.multiple import benjamini_hochberg, holm
from experiments.stats.paired import PairedMean, paired_mean
from sandbox.errors import Mistake

OVERALL: Final = "overall"
#: Scores lie between 0 and this.
LARGEST_SCORE: Final = 2.0
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_ASKED = re.compile(rf"(?:(?P<run>.+):)?(?P<family>{_NAME})/(?P<name>{_NAME})")

#: What two results must share to be a pair: task, level, arm, world.
Place = tuple[str, str, str, int]
#: Where, and the scores before and after.
_Pair = tuple[Place, Score, Score]


@dataclass(frozen=True, slots=True)
class Side:
    """One checkpoint with the run that holds its results."""

    view: RunView
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. ``scope`` is a task family at a level, such as ``ml/L0``, or ``overall``.

    The means are over the pairs. ``left_out`` counts episodes of either side that have a result and
    no graded partner. ``p_holm`` and ``p_bh`` are p adjusted over the scopes of the same scoring but ``overall``,
    for any false alarm and for the share of false alarms (Benjamini and Hochberg).
    """

    scope: str
    scoring: Scoring
    a: float | None
    b: float | None
    difference: PairedMean
    left_out: int
    besides: Besides
    p_holm: float | None = None
    p_bh: float | None = None

    def as_json(self) -> dict[str, Any]:
        """One element of ``comparisons``."""
        d = self.difference
        return {
            "scope": self.scope, "scoring": self.scoring, "a": self.a, "b": self.b,
            "difference": d.mean, "se": d.se, "low": d.low, "high": d.high, "n": d.n, "worlds": d.clusters,
            "left_out": self.left_out, "p": d.p, "p_holm": self.p_holm, "p_bh": self.p_bh, "test": d.test, "cause": d.cause,
            **self.besides.as_json(),
        }  # fmt: skip


def choose_side(view: RunView, runs: Path, asked: str, option: str, *, check: bool = False) -> Side:
    """The checkpoint that ``asked`` means: ``family/name``, or ``RUN:family/name`` of the same hash.

    Args:
        view: the run.
        runs: directory of the runs.
        asked: what was asked.
        option: where it was asked, for messages.
        check: verify the chains of another run too.

    Raises:
        Mistake: there is no such checkpoint, or its run has another hash.
    """
    match = _ASKED.fullmatch(asked)
    if match is None:
        remedy = f"write family/name or RUN:family/name; there are: {_names(view)}"
        raise Mistake(f"{asked!r} is no checkpoint", where=option, remedy=remedy)
    other = view if match["run"] is None else load_view(find_run(runs, match["run"]), check=check)
    if other.hash != view.hash:
        problem = f"run {other.name} has another hash than {view.name}: its worlds are not the same"
        raise Mistake(problem, where=option, remedy="compare checkpoints of one hash")
    for checkpoint in other.checkpoints:
        if (checkpoint.family, checkpoint.name) == (match["family"], match["name"]):
            return Side(other, checkpoint)
    wanted = f"{match['family']}/{match['name']}"
    raise Mistake(f"{other.name} has no checkpoint {wanted}", where=option, remedy=f"it has: {_names(other)}")


def choose_sides(view: RunView, runs: Path, a: str | None, b: str | None) -> tuple[Side, Side]:
    """The two checkpoints that are meant.

    Args:
        view: the run.
        runs: directory of the runs, for ``RUN:family/name``.
        a: ``family/name`` or ``RUN:family/name``; None is the lowest step of b's or the only family.
        b: likewise; None is the highest step of a's or the only family.

    Raises:
        Mistake: no such checkpoint, another hash, or nothing to choose from.
    """
    first = None if a is None else choose_side(view, runs, a, "--a")
    second = None if b is None else choose_side(view, runs, b, "--b")
    known = first or second
    family = known.checkpoint.family if known else _only_family(view)
    steps = view.series_of(family)
    left = first or Side(view, steps[0])
    right = second or Side(view, steps[-1])
    if left.checkpoint == right.checkpoint and left.view.directory == right.view.directory:
        remedy = f"name another with {'--a' if b else '--b'}; there are: {_names(view)}"
        raise Mistake(f"both sides are {left.checkpoint}", where=view.name, remedy=remedy)
    return left, right


def compare(a: Side, b: Side, arms: Sequence[str]) -> list[Row]:
    """b − a, strict and lenient: for each task family at each level, then overall.

    Raises:
        Mistake: neither side has a result in an arm that was asked for.
    """
    there = {line.arm for side in (a, b) for line in side.view.lines}
    for arm in arms:
        if there and arm not in there:
            raise Mistake(f"no result in arm {arm!r}", where="--arm", remedy=choose(arm, there))
    left, right = _results(a, arms), _results(b, arms)
    results = Counter(scope_of(place) for place in (*left, *right))
    pairs = [
        (place, before.score, after.score)
        for place, before, after in _shared(left, right)
        if before.score is not None and after.score is not None
    ]
    by_scope: dict[str, list[_Pair]] = {scope: [] for scope in sorted(results)}
    for pair in pairs:
        by_scope[scope_of(pair[0])].append(pair)

    def rows(scoring: Scoring) -> list[Row]:
        of_scopes = [_row(scope, scoring, mine, results[scope]) for scope, mine in by_scope.items()]
        return [*_adjusted(of_scopes), _row(OVERALL, scoring, pairs, results.total())]

    strict = rows("strict")
    if all(score.strict == score.lenient for _, *scores in pairs for score in scores):
        # Nobody cheated.
        return [*strict, *(replace(row, scoring="lenient") for row in strict)]
    return [*strict, *rows("lenient")]


def telling(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows but for those of lenient scores that no cheating made differ from the strict ones."""
    strict = {row.scope: row for row in rows if row.scoring == "strict"}
    for row in rows:
        other = strict[row.scope]
        if row.scoring == "strict" or (row.a, row.b) != (other.a, other.b):
            yield row


def paired(a: Side, b: Side, arms: Sequence[str]) -> list[tuple[Place, LedgerLine, LedgerLine]]:
    """The graded results of both sides in the worlds that both met, in the order of the places."""
    return [
        pair
        for pair in _shared(_results(a, arms), _results(b, arms))
        if pair[1].score is not None and pair[2].score is not None
    ]


def scope_of(place: Place) -> str:
    """Task family and level, such as ``ml/L0``."""
    task, level, _, _ = place
    return f"{task.split('/', 1)[0]}/{level}"


def _only_family(view: RunView) -> str:
    families = view.of_models().families()
    if len(families) != 1:
        remedy = f"name two with --a and --b; there are: {_names(view)}"
        raise Mistake(f"has {len(families)} model families", where=view.name, remedy=remedy)
    return families[0]


def _names(view: RunView) -> str:
    return ", ".join(str(checkpoint) for checkpoint in view.ordered_checkpoints()) or "none"


def _results(side: Side, arms: Sequence[str]) -> dict[Place, LedgerLine]:
    lines = (line for line in side.view.lines if line.final and line.checkpoint == side.checkpoint)
    return {(line.task, line.level, line.arm, line.world): line for line in lines if line.arm in arms}


def _shared(
    left: Mapping[Place, LedgerLine], right: Mapping[Place, LedgerLine]
) -> Iterator[tuple[Place, LedgerLine, LedgerLine]]:
    return ((place, left[place], right[place]) for place in sorted(left.keys() & right.keys()))


def _row(scope: str, scoring: Scoring, pairs: Sequence[_Pair], results: int) -> Row:
    scored = [(place, _value(before, scoring), _value(after, scoring)) for place, before, after in pairs]
    # A world is one draw of one task at one level; its arms are variants of it and belong together.
    by_world: dict[tuple[str, str, int], list[float]] = {}
    for (task, level, _, world), before, after in scored:
        by_world.setdefault((task, level, world), []).append(after - before)
    n = len(pairs)
    # As worlds are added: every task's first, then every task's second.
    looks = {world: by_world[world] for world in sorted(by_world, key=lambda world: (world[2], *world))}
    difference = paired_mean(by_world, bound=LARGEST_SCORE)
    cheats = change((bool(before.cheats), bool(after.cheats)) for _, before, after in pairs)
    return Row(
        scope,
        scoring,
        sum(before for _, before, _ in scored) / n if n else None,
        sum(after for _, _, after in scored) / n if n else None,
        difference,
        results - 2 * n,
        besides(looks, difference, cheats, LARGEST_SCORE),
    )


def _value(score: Score, scoring: Scoring) -> float:
    return score.strict if scoring == "strict" else score.lenient


def _adjusted(rows: Sequence[Row]) -> list[Row]:
    """``rows`` with p adjusted for being several; a row without p has no adjusted one."""
    tested = [row.difference.p for row in rows if row.difference.p is not None]
    adjusted = zip(holm(tested), benjamini_hochberg(tested), strict=True)
    return [row if row.difference.p is None else _with(row, *next(adjusted)) for row in rows]


def _with(row: Row, p_holm: float, p_bh: float) -> Row:
    return replace(row, p_holm=p_holm, p_bh=p_bh)
