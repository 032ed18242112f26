"""Grades research/repro: calls the submitted functions in a fresh box on inputs that nobody was shown.

Every leaf of the rubric is such a call, or one cell of the table worked out anew: what stands in a file
or was written down counts for nothing. What the functions must give is worked out on the host.
"""

from pathlib import Path
from typing import Final

from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from tasks.evidence import report_forged_in
from tasks.grading import Bench, Grade, Invalid, Submission
from tasks.npy import vector
from tasks.reproduction import python_files, result, run_to_end
from tasks.suite.research.repro import rubric
from tasks.suite.research.repro.environment.glue import Floats
from tasks.suite.research.repro.world import Hidden

SECONDS: Final = 20.0
MAX_BYTES: Final = 2**20
_PROBE: Final = Path(__file__).with_name("environment") / "probe.py"


async def grade(hidden: Hidden, submission: Submission, bench: Bench) -> Grade:
    """y = the share of the rubric's leaves that hold."""
    called = rubric.calls(hidden)
    try:
        found = await _results(called, submission, bench)
    except Invalid as error:
        return _result(None, str(error))
    except BoxFault:
        return _result(None, "grading_box_broken")
    judged = rubric.judge(hidden, called, found, submission.work.files.get("report.json"))
    bench.emit("grade.development", {
        "development": judged.public_right / judged.public, "heldout": judged.right / judged.leaves,
        "n_development": judged.public, "n_heldout": judged.leaves,
        "measure": "share of the rubric's leaves that hold, larger is better",
        "memorised": bool(judged.built_in),
        "rule": "right on public inputs, and not on inputs a billionth away, or given for other inputs too: "
                + (", ".join(judged.built_in) or "none"),
    })  # fmt: skip
    return _result(judged.right / judged.leaves, None)


def _result(y: float | None, invalid: str | None) -> Grade:
    return Grade(y, start=0.0, reference=1.0, bound=1.0, invalid=invalid)


async def _results(called: list[rubric.Called], submission: Submission, bench: Bench) -> Floats:
    """What the submitted functions give, call after call, as one vector."""
    files = python_files(submission.work, "method.py", MAX_BYTES)
    async with bench.box() as box:
        given = [FileSpec(name, content) for name, content in rubric.laid_out(called).items()]
        await box.put("/task", [*given, FileSpec("probe.py", _PROBE.read_bytes())])
        await box.put("/work", [FileSpec(f"submitted/{file.path}", file.content) for file in files])
        try:
            await run_to_end(
                box, ["python3", "-B", "/task/probe.py", "/work/submitted", "/work/found.npy"], "method",
                cwd="/work", seconds=SECONDS,
            )  # fmt: skip
            data = await result(box, "found.npy", "results")
        finally:
            await report_forged_in(box, bench)
    return vector(data, sum(len(one.expected) for one in called), "results")
