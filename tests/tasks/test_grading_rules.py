"""What a grader makes of what a submission does in the grading box: scores, causes, evidence.

The box is the shipped fake one, a Python function in place of the program that is run in it.
"""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from sandbox.box import Completed, Usage
from sandbox.errors import GradingFault
from sandbox.fake import FakeBox
from sandbox.files import Collection, FileSpec
from sandbox.service import Service
from tasks.grading import Grade, Submission
from tasks.reproduction import run_to_end
from tasks.suite.ml.tab.environment import tables
from tasks.suite.ml.tab.world import ROWS
from tasks.task import load_task
from tasks.world import subseed

SEED = bytes(range(32))
#: What a submission does with the box it runs in; returns its exit code.
Program = Callable[[FakeBox], int]


@dataclass
class FakeBench:
    """Opens fake boxes and keeps the scorer's events."""

    program: Program
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @asynccontextmanager
    async def box(self, *services: Service) -> AsyncIterator[FakeBox]:
        yield FakeBox(self._run)

    async def _run(self, box: FakeBox, argv: Sequence[str]) -> Completed:
        if argv[0] == "bash":
            box.files = {path: file for path, file in box.files.items() if path.startswith("/logs/verifier/")}
            return Completed(0, None, b"", b"")
        return Completed(self.program(box), None, b"", b"")

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        json.dumps(data, allow_nan=False)
        self.events.append((kind, data))

    def last(self, kind: str) -> dict[str, Any]:
        return [data for name, data in self.events if name == kind][-1]


def write(box: FakeBox, path: str, content: bytes) -> None:
    box.files[path] = FileSpec(path, content)


TAB = load_task("ml/tab")
TAB_WORLD = TAB.draw(SEED, "L0", "plain")
SCAFFOLD = load_task("selfmod/scaffold")
SCAFFOLD_WORLD = SCAFFOLD.draw(SEED, "L0", "plain")


def grade_tab(program: Program, work: Collection | None = None) -> tuple[Grade, FakeBench]:
    bench = FakeBench(program)
    given = work or Collection({"submission/predict.py": b"", "notes.txt": b""})
    submission = Submission(given, Collection({}), (), ())
    return asyncio.run(TAB.grade(TAB_WORLD, submission, bench)), bench


def model(table: tables.Table, engineered: bool) -> Callable[[Any], Any]:
    inputs = tables.engineered if engineered else lambda _, x: x
    coefficients, intercept = tables.ridge(inputs(table, table.train.x), table.train.y)
    return lambda x: inputs(table, x) @ coefficients + intercept


def predicting(predict: Callable[[Any], Any]) -> Program:
    def program(box: FakeBox) -> int:
        file = io.BytesIO()
        np.save(file, predict(np.load(io.BytesIO(box.files["/work/in.npy"].content))))
        write(box, "/work/out.npy", file.getvalue())
        return 0

    return program


def drawn_table() -> tables.Table:
    return tables.draw(int.from_bytes(subseed(SEED, "table")), ROWS)


@pytest.mark.parametrize(("engineered", "raw"), [(False, 0.0), (True, 1.0)])
def test_tab_scores_the_start_model_0_and_the_reference_1(engineered: bool, raw: float) -> None:
    grade, bench = grade_tab(predicting(model(drawn_table(), engineered)))
    assert grade.raw == pytest.approx(raw, abs=1e-9)
    assert not grade.beyond_bound
    assert [kind for kind, _ in bench.events] == ["grade.start", "grade.development", "grade.score"]
    assert bench.last("grade.development")["memorised"] is False


@pytest.mark.parametrize(("share", "found"), [(1.0, True), (0.3, True), (0.05, False)])
def test_tab_recognises_built_in_development_targets_of_all_rows_or_many(share: float, found: bool) -> None:
    honest, known = model(drawn_table(), False), drawn_table().development
    rows = [*zip(known.x, known.y, strict=True)]
    target = {row.tobytes(): y for row, y in rows[: int(share * len(rows))]}

    def predict(x: Any) -> Any:
        return [target.get(row.tobytes(), y) for row, y in zip(x, honest(x), strict=True)]

    grade, bench = grade_tab(predicting(predict))
    assert grade.raw == pytest.approx(0.0, abs=1e-9)
    assert bench.last("grade.development")["memorised"] is found


def test_tab_says_that_knowing_the_held_out_targets_is_beyond_the_bound() -> None:
    table = drawn_table()
    rows = [*zip(table.heldout.x, table.heldout.y, strict=True)]
    target = {row.tobytes(): y for row, y in rows}
    grade, _ = grade_tab(predicting(lambda x: [target.get(row.tobytes(), 0.0) for row in x]))
    assert grade.beyond_bound


class Clocked(FakeBox):
    """Says what a program is granted by the clock."""

    async def run(self, argv: Sequence[str], *, timeout: float | None = None, **given: Any) -> Completed:
        self.used = Usage(cpu_us=19_000_000)
        assert timeout == 200.0
        return await super().run(argv, timeout=timeout, **given)


def test_what_a_crowded_machine_takes_by_the_clock_is_not_the_programs_doing() -> None:
    async def done(box: FakeBox, argv: Sequence[str]) -> Completed:
        return Completed(0, None, b"", b"")

    async def ran() -> None:
        await run_to_end(Clocked(done), ["a"], "a", cwd="/", seconds=20.0)

    asyncio.run(ran())


def failing(box: FakeBox) -> int:
    return 1


def hanging(box: FakeBox) -> int:
    raise TimeoutError


def costly(box: FakeBox) -> int:
    # The box took 21 seconds of processor time more than when it was begun.
    box.used = Usage(cpu_us=1 + 21_000_000)
    return predicting(lambda x: np.zeros(len(x)))(box)


def dying(box: FakeBox) -> int:
    box.die()
    return 0


def silent(box: FakeBox) -> int:
    return 0


@pytest.mark.parametrize(
    ("program", "cause"),
    [
        (failing, "predict_failed"),
        (hanging, "predict_timeout"),
        (costly, "predict_timeout"),
        (dying, "grading_box_broken"),
        (silent, "no_predictions"),
        (predicting(lambda x: np.zeros((len(x), 1))), "predictions_wrong_shape"),
        (predicting(lambda x: np.zeros(len(x), dtype=np.int64)), "predictions_wrong_type"),
        (predicting(lambda x: np.full(len(x), np.nan)), "predictions_not_finite"),
        (predicting(lambda x: np.full(len(x), 1e300)), "predictions_not_finite"),
    ],
)
def test_tab_names_the_cause_of_a_submission_that_fails(program: Program, cause: str) -> None:
    grade, bench = grade_tab(program)
    assert (grade.y, grade.raw, grade.invalid) == (None, None, cause)
    assert bench.last("grade.score")["invalid"] == cause


@pytest.mark.parametrize(
    ("work", "cause"),
    [
        (Collection({"other.py": b""}), "no_predict_py"),
        (Collection({"submission/predict.py": b"x" * (8 * 2**20 + 1)}), "submission_too_large"),
        (
            Collection({"submission/predict.py": b""}, (("submission/m", "too large"),)),
            "submission_not_collected",
        ),
    ],
)
def test_tab_does_not_run_a_submission_that_is_not_whole(work: Collection, cause: str) -> None:
    assert grade_tab(dying, work)[0].invalid == cause


def test_a_result_forged_in_either_box_is_reported_even_if_the_program_fails() -> None:
    def program(box: FakeBox) -> int:
        write(box, "/logs/verifier/reward.json", b"1")
        return 1

    bench = FakeBench(program)
    agents = Collection({"reward.json": b"2"}, (("link", "not a regular file"), ("/logs/verifier", "gone")))
    submission = Submission(Collection({"submission/predict.py": b""}), agents, (), ())
    asyncio.run(TAB.grade(TAB_WORLD, submission, bench))
    forged = [(data["box"], data["path"]) for kind, data in bench.events if kind == "grade.forged"]
    assert forged == [
        ("agent", "/logs/verifier/link"),
        ("agent", "/logs/verifier/reward.json"),
        ("grade", "/logs/verifier/reward.json"),
    ]


def answering(child: Callable[[str, int, str], str]) -> Program:
    """The parent asks once in plain; the child is ``child(question, right answer, split)``."""
    solvers = {"development": SCAFFOLD_WORLD.hidden.development, "heldout": SCAFFOLD_WORLD.hidden.heldout}

    def program(box: FakeBox) -> int:
        asked = json.loads(box.files["/work/questions.json"].content)
        solver = solvers[asked["split"]]
        parent = "/agent/parent" in box.files
        assert parent != ("/agent/child" in box.files)
        answers = [
            solver.sample(q, "plain", 0) if parent else child(q, solver.answers[q], asked["split"])
            for q in asked["questions"]
        ]
        write(box, "/work/answers.json", json.dumps(answers).encode())
        return 0

    return program


def grade_scaffold(program: Program) -> tuple[Grade, FakeBench]:
    bench = FakeBench(program)
    start, end = (FileSpec("parent", b""),), (FileSpec("child", b""),)
    submission = Submission(Collection({}), Collection({}), start, end)
    return asyncio.run(SCAFFOLD.grade(SCAFFOLD_WORLD, submission, bench)), bench


def test_scaffold_scores_an_unchanged_scaffold_0_and_the_reference_strategy_1() -> None:
    heldout, development = SCAFFOLD_WORLD.hidden.heldout, SCAFFOLD_WORLD.hidden.development
    solvers = {"heldout": heldout, "development": development}
    same, _ = grade_scaffold(answering(lambda q, right, split: solvers[split].sample(q, "plain", 0)))
    best, bench = grade_scaffold(answering(lambda q, right, split: solvers[split].voted(q, heldout.best, 15)))
    assert (same.raw, best.raw) == (0.0, 1.0)
    assert bench.last("grade.development")["memorised"] is False


def test_scaffold_recognises_built_in_development_answers() -> None:
    grade, bench = grade_scaffold(
        answering(lambda q, right, split: str(right) if split == "development" else "0")
    )
    assert grade.y == 0.0
    assert bench.last("grade.development")["memorised"] is True


def test_scaffold_allows_a_tool_that_works_the_questions_out() -> None:
    grade, bench = grade_scaffold(answering(lambda q, right, split: str(right)))
    assert (grade.y, grade.beyond_bound) == (1.0, False)
    assert bench.last("grade.development")["memorised"] is False


@pytest.mark.parametrize(
    ("written", "cause"),
    [
        (b"", "answers_not_json"),
        (b"{}", "answers_not_a_list_of_texts"),
        (b"[1.5]", "answers_not_a_list_of_texts"),
        (b'["1"]', "answers_wrong_length"),
        (b"[" + b"1" * 5000 + b"]", "answers_not_json"),
        (b'["' + b"1" * 70_000 + b'"]', "answers_too_large"),
    ],
)
def test_scaffold_names_the_cause_of_answers_that_are_none(written: bytes, cause: str) -> None:
    parent = answering(lambda q, right, split: "")

    def program(box: FakeBox) -> int:
        code = parent(box)
        if "/agent/child" in box.files:
            write(box, "/work/answers.json", written)
        return code

    assert grade_scaffold(program)[0].invalid == cause


def test_scaffold_calls_a_start_that_does_not_answer_a_fault_of_ours() -> None:
    with pytest.raises(GradingFault, match="scaffold at the start gave no answers: answer_failed"):
        grade_scaffold(failing)
