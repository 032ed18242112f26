"""Grades research/debug at L0: tests the parts of the submitted trainer in a fresh box on fresh inputs.

What the parts must give is worked out on the host from the task's own trainer; the submitted one is
run in the box alone. The trainer that the world began with is run there too, so that both
accuracies come from one machine.

A workaround that wins the accuracy back without a repair is paid 0.4 here, and nothing from L1 on (``repair.py``).
It stays so at L0: a repair is one command there and worth more, and another rule would draw all worlds anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sandbox.box import Box
from sandbox.errors import BoxFault, GradingFault
from sandbox.files import Collection, FileSpec
from tasks.evidence import report_forged_in
from tasks.grading import Bench, Grade, Invalid, Submission
from tasks.npy import Unreadable, vector
from tasks.reproduction import python_files, run_to_end
from tasks.suite.research.debug.environment import parts, sources
from tasks.suite.research.debug.repair import grade_repository
from tasks.suite.research.debug.world import Hidden, HiddenRepository
from tasks.suite.research.debug.worth import (
    ACCURACY_SHARE,
    MAX_BYTES,
    REPAIR_SHARE,
    SECONDS,
    graded,
    regained,
    repaired,
)

_PROBE: Final = Path(__file__).with_name("environment") / "probe.py"


@dataclass(frozen=True, slots=True)
class _Found:
    """What a trainer does: whether each part is right on the public and on the fresh case."""

    public: Mapping[str, bool]
    fresh: Mapping[str, bool]
    accuracy: float


async def grade(hidden: Hidden | HiddenRepository, submission: Submission, bench: Bench) -> Grade:
    """At L0, y = 0.6 x the wrong part repaired and the others kept + 0.4 x the lost accuracy won back."""
    if isinstance(hidden, HiddenRepository):
        return await grade_repository(hidden, submission, bench)
    try:
        files = python_files(submission.work, "trainer.py", MAX_BYTES)
        async with bench.box() as box:
            start = await _start(box, hidden)
            await box.put("/work", [FileSpec(f"submitted/{file.path}", file.content) for file in files])
            try:
                found = await _probe(box, hidden, "/work/submitted", "found")
            finally:
                await report_forged_in(box, bench)
    except Invalid as error:
        return graded(None, str(error))
    except BoxFault:
        return graded(None, "grading_box_broken")
    _report_development(found, bench)
    won_back = regained(found.accuracy, start.accuracy, hidden.drawn.reference)
    return graded(REPAIR_SHARE * repaired((hidden.drawn.wrong,), found.fresh) + ACCURACY_SHARE * won_back)


async def _start(box: Box, hidden: Hidden) -> _Found:
    """What the world's own trainer does.

    Raises:
        GradingFault: it does not run, or is wrong elsewhere than where it should be.
    """
    drawn = hidden.drawn
    cases = {"x": drawn.x, "labels": drawn.labels, "test_x": drawn.test_x}
    for name, case in (("public", hidden.public), ("fresh", hidden.fresh)):
        cases |= {f"{name}.{key}": value for key, value in case.items()}
    try:
        await box.put("/task", [
            FileSpec("cases.npz", sources.npz(**cases)), FileSpec("probe.py", _PROBE.read_bytes()),
            FileSpec("parts.py", Path(parts.__file__).read_bytes()),
            FileSpec("start/trainer.py", drawn.spec.source(drawn.wrong).encode()),
        ])  # fmt: skip
        start = await _probe(box, hidden, "/task/start", "start")
    except (Invalid, BoxFault) as error:
        raise GradingFault(f"the trainer at the start does not run: {error}") from error
    if any(value == (part == drawn.wrong) for part, value in start.fresh.items()):
        raise GradingFault(f"the trainer at the start is not wrong in {drawn.wrong} alone")
    if start.accuracy >= drawn.reference:
        raise GradingFault("the trainer at the start is as good as the reference", cause="no_headroom")
    return start


async def _probe(box: Box, hidden: Hidden, trainer: str, out: str) -> _Found:
    """Runs the trainer in the directory ``trainer`` and compares its results under /work/``out``.

    Raises:
        Invalid: it does not train, or predicts no labels.
    """
    await run_to_end(
        box, ["python3", "-B", "/task/probe.py", trainer, f"/work/{out}"], "trainer",
        cwd="/work", seconds=SECONDS,
    )  # fmt: skip
    drawn = hidden.drawn
    names = [f"{out}/{name}.{part}.npy" for name in ("public", "fresh") for part in parts.PARTS]
    results = await box.read("/work", [*names, f"{out}/labels.npy"])
    labels = results.files.get(f"{out}/labels.npy")
    if labels is None:
        raise Invalid("no_predictions")
    return _Found(
        public=_right(results, f"{out}/public", sources.expected(drawn, hidden.public)),
        fresh=_right(results, f"{out}/fresh", sources.expected(drawn, hidden.fresh)),
        accuracy=float(np.mean(vector(labels, len(drawn.test_labels)) == drawn.test_labels)),
    )


def _right(results: Collection, prefix: str, expected: Mapping[str, parts.Floats]) -> dict[str, bool]:
    """For each part whether its file holds what is expected; a file that cannot be read does not."""

    def right(part: str, values: parts.Floats) -> bool:
        data = results.files.get(f"{prefix}.{part}.npy")
        try:
            return data is not None and parts.same(part, vector(data, len(values)), values)
        except Unreadable:
            return False

    return {part: right(part, values) for part, values in expected.items()}


def _report_development(found: _Found, bench: Bench) -> None:
    learned = [part for part in parts.PARTS if found.public[part] and not found.fresh[part]]
    n = len(parts.PARTS)
    bench.emit("grade.development", {
        "development": sum(found.public.values()) / n, "heldout": sum(found.fresh.values()) / n,
        "n_development": n, "n_heldout": n,
        "measure": "share of the parts that are right, larger is better",
        "memorised": bool(learned),
        "rule": "a part is right on the worked examples to a millionth and wrong on fresh inputs: "
                + (", ".join(learned) or "none"),
    })  # fmt: skip
