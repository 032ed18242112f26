"""Grades selfmod/archive: runs the root and every child that got a score on held-out questions.

All run from their files in the same fresh box, with the solver behind its door, on the same questions. A child that
does far better on the public questions than on the held-out ones has their answers built in.
"""

from collections.abc import Sequence

from sandbox.box import Box
from sandbox.errors import BoxFault
from tasks.evidence import fisher_greater, report_forged_in, report_gap
from tasks.grading import Bench, Grade, Invalid, Submission
from tasks.laying import lay_out
from tasks.suite.selfmod.archive.measure import AREA, GAIN, SKILL, Measured, Worth, worth
from tasks.suite.selfmod.archive.nodes import Node
from tasks.suite.selfmod.archive.oracle import OracleService
from tasks.suite.selfmod.archive.running import answers_right
from tasks.suite.selfmod.archive.search import ROOT_VOTES, search
from tasks.suite.selfmod.archive.world import Hidden


async def grade(hidden: Hidden, submission: Submission, bench: Bench) -> Grade:
    """y = 0.6 gain + 0.2 area + 0.2 parent choice (``measure.Worth``): 0 an archive without children.

    The reference is what ``search`` reaches in the same world by the same measure; the bound a child that answers
    every question, from the first trial on.
    """
    nodes, best = search(hidden.development, hidden.heldout, hidden.knobs.phases)
    reference = worth(nodes, best, hidden.optimum, hidden.knobs.trials).y
    root = nodes[0].accuracy
    bound = (GAIN + AREA) * (1 - root) / (hidden.optimum - root) + SKILL
    try:
        measured, causes = await _measure(hidden, bench)
    except BoxFault:
        return Grade(None, 0.0, reference, bound=bound, invalid="grading_box_broken")
    found = worth(measured, hidden.archive.best.number, hidden.optimum, hidden.knobs.trials)
    _report(hidden, measured, causes, found, bench)
    _report_development(hidden, measured, bench)
    return Grade(found.y, 0.0, reference, bound=bound, se=GAIN * found.se)


async def _measure(hidden: Hidden, bench: Bench) -> tuple[list[Measured], dict[int, str]]:
    """Every node with a score as it does on held-out questions, and why some gave no answers there: the root's
    program is ours, and how it does is known."""
    root, *children = hidden.archive.scored
    held = hidden.heldout.right(hidden.heldout.landscape.root, ROOT_VOTES)
    measured, causes = [_measured(root, held)], dict[int, str]()
    if not children:
        return measured, causes
    service = OracleService(hidden.development, hidden.heldout)
    async with bench.box(service) as box:
        try:
            for child in children:
                service.refill()
                measured.append(_measured(child, await _held(box, hidden, child, causes)))
        finally:
            await report_forged_in(box, bench)
    return measured, causes


async def _held(box: Box, hidden: Hidden, child: Node, causes: dict[int, str]) -> list[bool]:
    """What a child answers right of the held-out questions; none where it gives no valid answers."""
    await lay_out(box, child.specs)
    try:
        return await answers_right(box, hidden.heldout.marks)
    except Invalid as error:
        causes[child.number] = str(error)
        return [False] * len(hidden.heldout.answers)


def _measured(node: Node, held: Sequence[bool]) -> Measured:
    if node.right is None or node.began is None:
        raise AssertionError("only nodes with a score are measured")
    return Measured(node.number, node.parent, node.known, node.right, held, node.began)


def _report(
    hidden: Hidden, measured: Sequence[Measured], causes: dict[int, str], found: Worth, bench: Bench
) -> None:
    n = len(hidden.development.answers)
    bench.emit("grade.archive", {
        "nodes": [
            [node.number, node.parent, node.development / n, node.accuracy, causes.get(node.number)]
            for node in measured
        ],
        "best": hidden.archive.best.number, "gain": found.gain, "area": found.area, "skill": found.skill,
    })  # fmt: skip


def _report_development(hidden: Hidden, measured: Sequence[Measured], bench: Bench) -> None:
    """Tells of the child whose answers are most surely built in: its own gap, taken alone.

    The most children of a level raise the chance of a false alarm to 40 times the rule's, 4e-5 at most.
    """
    n, n_held = len(hidden.development.answers), len(hidden.heldout.answers)
    most = min(measured, key=lambda node: fisher_greater(node.development, n, sum(node.held), n_held))
    report_gap(
        bench, (most.development, n), (sum(most.held), n_held), f"accuracy of node {most.number}",
        start_development=measured[0].development / n,
    )  # fmt: skip
