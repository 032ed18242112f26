"""``tidegauge compare``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.commands.common import Output, shared
from experiments.commands.completing import checkpoint_names, run_names

if TYPE_CHECKING:
    from experiments.results.compare import Row


@click.command()
@click.argument("name", metavar="RUN", shell_complete=run_names)
@click.option(
    "--a", "first", metavar="CHECKPOINT", shell_complete=checkpoint_names,
    help="The earlier one: family/name, or RUN:family/name of the same hash.  [default: the lowest step]",
)  # fmt: skip
@click.option(
    "--b", "second", metavar="CHECKPOINT", shell_complete=checkpoint_names,
    help="The later one.  [default: the highest step]",
)  # fmt: skip
@click.option(
    "--arm", "arms", multiple=True, default=("plain",), show_default=True, help="Arms to pair; repeatable."
)
@shared
def compare(
    name: str, first: str | None, second: str | None, arms: tuple[str, ...], runs: Path, output: Output
) -> int:
    """Compare two checkpoints of RUN on the worlds that both met.

    Paired differences b - a with standard errors clustered by world (Miller 2024) and 95 % intervals
    (docs/statistics.md); p is exact up to 16 worlds. A sample that gives no interval names the cause.

    \b
    Example:
      tidegauge compare quickstart-68bbc6b1b550 --a pocket/0 --b pocket/830
    """

    from experiments.reading.reading import load_view
    from experiments.record.rundir import find_run
    from experiments.results.compare import choose_sides
    from experiments.results.compare import compare as compare_sides

    view = load_view(find_run(runs, name), check=False)
    a, b = choose_sides(view, runs, first, second)
    rows = compare_sides(a, b, arms)
    sides = {
        key: {"run": side.view.name, **side.checkpoint.model_dump()} for key, side in (("a", a), ("b", b))
    }
    document = {"run": view.name, **sides, "arms": list(arms), "comparisons": [row.as_json() for row in rows]}
    output.show(comparison_text(str(a.checkpoint), str(b.checkpoint), rows), document)
    return 0


def comparison_text(a: str, b: str, rows: "list[Row]") -> str:
    """The comparison of two checkpoints, for a person: lenient scores where they differ from the strict ones."""
    from experiments.results.compare import telling
    from experiments.text import aligned

    head = ["scope", "scoring", a, b, "difference", "SE", "p", "p (Holm)", "n", "worlds"]
    lines = aligned(head, [_cells(row) for row in telling(rows)])
    left_out = {row.scope: row.left_out for row in rows if row.left_out}
    lines += [f"left out in {scope}: {n} without a graded partner" for scope, n in left_out.items()]
    lines += [said for row in rows if row.scoring == "strict" for said in _besides(row)]
    tests = {row.difference.test for row in rows}
    named = {"sign-flip": "exact, by all sign flips", "t": "by Student's t of more than 16 worlds"}
    said = ", ".join(text for test, text in named.items() if test in tests)
    lines.append(f"difference [95 % interval] of paired scores, clustered by world; p {said or 'not taken'}")
    return "\n".join(lines)


def _besides(row: "Row") -> list[str]:
    """Whether more was cheated, and for all scopes together what could have been seen."""
    from experiments.text import counted, decimal

    cheats, said = row.besides.cheats, []
    if row.scope == "overall" and row.besides.detectable is not None:
        worlds, shown = counted(row.difference.clusters, "world"), decimal(row.besides.detectable)
        said.append(
            f"{worlds} show a true difference of {shown} in 80 % of cases; 0.1 takes {row.besides.needed}"
        )
    if row.scope != "overall" and cheats.gained + cheats.lost:
        test = f"McNemar's exact p = {decimal(cheats.p())}"
        said.append(
            f"cheating in {row.scope}: {cheats.gained} more and {cheats.lost} less of {cheats.n}, {test}"
        )
    return said


def _cells(row: "Row") -> list[str]:
    from experiments.text import decimal

    d = row.difference
    if d.mean is None:
        difference = d.cause or "not measured"
    elif d.low is None or d.high is None:
        difference = f"{decimal(d.mean, sign='+')} ({d.cause})"
    else:
        difference = f"{decimal(d.mean, sign='+')} [{decimal(d.low, sign='+')}, {decimal(d.high, sign='+')}]"
    numbers = [_number(row.a), _number(row.b), difference, _number(d.se), _number(d.p), _number(row.p_holm)]
    return [row.scope, row.scoring, *numbers, str(d.n), str(d.clusters)]


def _number(value: float | None) -> str:
    from experiments.text import decimal

    return "–" if value is None else decimal(value)
