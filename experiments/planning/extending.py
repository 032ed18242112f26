"""How the plan of a stored run grows by what is asked of it anew."""

from collections.abc import Iterable, Sequence

from experiments.record.identity import plain_numbers
from experiments.record.records import PlanLine
from sandbox.errors import Mistake


def extension(stored: Sequence[PlanLine], asked: Iterable[PlanLine], *, where: str) -> list[PlanLine]:
    """The lines of ``asked`` that the run's plan lacks.

    Raises:
        Mistake: a checkpoint's name stands in the plan for another model, step or sampling.
    """
    known = {str(line.checkpoint): line for line in stored}
    steps = {(line.checkpoint.family, line.checkpoint.step): line.checkpoint.name for line in stored}
    there = {line.episode for line in stored}
    fresh = []
    for line in asked:
        _check_same(known.get(str(line.checkpoint)), line, where)
        name = steps.get((line.checkpoint.family, line.checkpoint.step), line.checkpoint.name)
        if name != line.checkpoint.name:
            problem = (
                f"step {line.checkpoint.step} of {line.checkpoint.family} is {name!r} in this run's plan"
            )
            raise Mistake(problem, where=where, key="models", remedy="give it another step")
        if line.episode not in there:
            there.add(line.episode)
            fresh.append(line)
    return fresh


def _check_same(before: PlanLine | None, now: PlanLine, where: str) -> None:
    if before is None:
        return
    changed = [
        what
        for what, old, new in (
            ("step", before.checkpoint.step, now.checkpoint.step),
            ("digest", before.checkpoint_digest, now.checkpoint_digest),
            ("sampling", plain_numbers(before.sampling), plain_numbers(now.sampling)),
        )
        if old != new
    ]
    if changed:
        problem = f"checkpoint {now.checkpoint} has another {' and '.join(changed)} than in this run's plan"
        raise Mistake(problem, where=where, key="models", remedy="give it a new name")
