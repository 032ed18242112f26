"""Grades a repaired repository, from L1 on: what L0's grader does with a file, for several wrong parts.

Accuracy counts only as far as the parts are right: a workaround that wins it back without a repair, such
as another classifier in the place of the trainer, is worth nothing. At L0 it is worth its 0.4, which is
less than any repair.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from sandbox.box import Box
from sandbox.errors import BoxFault, GradingFault
from sandbox.files import FileSpec
from tasks.evidence import report_forged_in
from tasks.grading import Bench, Grade, Invalid, Submission
from tasks.npy import vector
from tasks.reproduction import names, python_files, result, run_to_end
from tasks.suite.research.debug.environment import checks, repository, sources
from tasks.suite.research.debug.world import HiddenRepository
from tasks.suite.research.debug.worth import (
    ACCURACY_SHARE,
    MAX_BYTES,
    REPAIR_SHARE,
    SECONDS,
    graded,
    regained,
    repaired,
)

#: What stands for a number that the submission did not give.
NOTHING: Final = 1e300
_RUN: Final = Path(__file__).with_name("environment") / "run.py"


@dataclass(frozen=True, slots=True)
class _Found:
    """What a repository does: whether each part is right on the public case, its twin and the fresh one."""

    public: Mapping[str, bool]
    twin: Mapping[str, bool]
    fresh: Mapping[str, bool]
    accuracy: float


async def grade_repository(hidden: HiddenRepository, submission: Submission, bench: Bench) -> Grade:
    """y = 0.6 x the repair + 0.4 x the repair x the lost accuracy won back."""
    drawn = hidden.drawn
    try:
        files = python_files(submission.work, "trainer.py", MAX_BYTES)
        async with bench.box() as box:
            start = await _start(box, hidden)
            await box.put("/work", [FileSpec(f"submitted/{file.path}", file.content) for file in files])
            try:
                found = await _run(box, hidden, "/work/submitted", "found")
            finally:
                await report_forged_in(box, bench)
    except Invalid as error:
        return graded(None, str(error))
    except BoxFault:
        return graded(None, "grading_box_broken")
    _report(hidden, found, submission.work.files.get("report.json"), bench)
    won_back = regained(found.accuracy, start.accuracy, drawn.reference)
    return graded(repaired(drawn.wrong, found.fresh) * (REPAIR_SHARE + ACCURACY_SHARE * won_back))


async def _start(box: Box, hidden: HiddenRepository) -> _Found:
    """What the world's own repository does.

    Raises:
        GradingFault: it does not run, or is wrong elsewhere than where it should be.
    """
    drawn = hidden.drawn
    texts = drawn.laid_out(drawn.wrong)
    try:
        await box.put("/task", [
            *(FileSpec(name, content) for name, content in _given(hidden).items()),
            *(FileSpec(f"start/{name}", text.encode()) for name, text in texts.items()),
        ])  # fmt: skip
        start = await _run(box, hidden, "/task/start", "start")
    except (Invalid, BoxFault) as error:
        raise GradingFault(f"the trainer at the start does not run: {error}") from error
    if {part for part, value in start.fresh.items() if not value} != set(drawn.wrong):
        raise GradingFault(f"the trainer at the start is not wrong in {', '.join(drawn.wrong)} alone")
    if start.accuracy >= drawn.reference:
        raise GradingFault("the trainer at the start is as good as the reference", cause="no_headroom")
    return start


def _cases(hidden: HiddenRepository) -> dict[str, Mapping[str, Mapping[str, Any]]]:
    """The parts' arguments, as ``_Found`` has their results."""
    twins = {part: checks.twin(case) for part, case in hidden.public.items()}
    return {"public": hidden.public, "twin": twins, "fresh": hidden.fresh}


def _given(hidden: HiddenRepository) -> dict[str, bytes]:
    """What the runner in the box is given: arguments and their order, not what is right."""
    drawn = hidden.drawn
    given = {"x": drawn.x, "labels": drawn.labels, "test_x": drawn.test_x}
    order = []
    for label, case in _cases(hidden).items():
        for part, right in repository.expected(drawn, case).items():
            order.append([label, part, len(right)])
            given |= {f"{label}.{part}.{name}": value for name, value in checks.boxed(case[part]).items()}
    return {
        "cases.npz": sources.npz(**given),
        "order.json": json.dumps({"order": order, "nothing": NOTHING}).encode(),
        "run.py": _RUN.read_bytes(),
        "checks.py": Path(checks.__file__).read_bytes(),
    }


async def _run(box: Box, hidden: HiddenRepository, where: str, out: str) -> _Found:
    """Runs the repository in the directory ``where`` and compares its results under /work/``out``.

    Raises:
        Invalid: it does not train, or predicts no labels.
    """
    await run_to_end(
        box, ["python3", "-B", "/task/run.py", where, f"/work/{out}"], "trainer", cwd="/work", seconds=SECONDS
    )
    drawn = hidden.drawn
    wanted = [
        (part, right)
        for case in _cases(hidden).values()
        for part, right in repository.expected(drawn, case).items()
    ]
    ends = np.cumsum([len(right) for _, right in wanted])
    found = vector(await result(box, f"{out}/parts.npy", "results"), int(ends[-1]), "results")
    labels = vector(await result(box, f"{out}/labels.npy", "predictions"), len(drawn.test_labels))
    holds = [
        (part, checks.same(part, values, right))
        for (part, right), values in zip(wanted, np.split(found, ends[:-1]), strict=True)
    ]
    n = len(checks.WHERE)
    public, twin, fresh = (dict(holds[k * n : (k + 1) * n]) for k in range(3))
    return _Found(public, twin, fresh, float(np.mean(labels == drawn.test_labels)))


def _report(hidden: HiddenRepository, found: _Found, report: bytes | None, bench: Bench) -> None:
    """Tells how the parts did, and which of the wrong ones the agent named; the latter does not count."""
    shown, n = hidden.drawn.shown, len(found.fresh)
    learned = [part for part in shown if found.public[part] and not found.twin[part]]
    bench.emit("grade.development", {
        "development": sum(found.public.values()) / n, "heldout": sum(found.fresh.values()) / n,
        "n_development": n, "n_heldout": n,
        "measure": "share of the parts that are right, larger is better",
        "memorised": bool(learned),
        "rule": "a part is right on the worked examples and wrong on inputs a billionth away: "
                + (", ".join(learned) or "none"),
    })  # fmt: skip
    named = names(report, "wrong")
    wrong = set(hidden.drawn.wrong)
    bench.emit("grade.diagnosis", {
        "named": None if named is None else sorted(named & wrong),
        "missed": None if named is None else sorted(wrong - named),
        "falsely": None if named is None else len(named - wrong),
    })  # fmt: skip
