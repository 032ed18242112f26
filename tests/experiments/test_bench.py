"""A submission that never lets its grader come to an end."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from experiments import bench as benches
from experiments.bench import GradingBench
from monitors.registry import new_watcher
from sandbox import standstill
from sandbox.box import Completed
from sandbox.errors import GradingFault
from sandbox.events import EventLog, read_events
from sandbox.fake import FakeBox, FakeBoxes
from sandbox.files import Collection
from sandbox.limits import Limits
from sandbox.recorder import Ending, Recorder
from tasks.grading import Grade, Submission
from tasks.task import load_task

TAB = load_task("ml/tab")
SUBMISSION = Submission(Collection({"submission/predict.py": b""}), Collection({}), (), ())


def graded(directory: Path, seconds: float) -> Grade:
    """The grade of a submission in whose box every program blocks its host for ``seconds`` and then hangs."""

    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        time.sleep(seconds)
        await asyncio.sleep(600)
        raise AssertionError("it was awaited")

    async def main() -> Grade:
        with EventLog(directory / "events.jsonl") as log:
            recorder = Recorder(log, new_watcher(), Limits(), Ending())
            bench = GradingBench(FakeBoxes(program), recorder, Limits(), "grade", {})
            return await TAB.grade(TAB.draw(bytes(32), "L0", "plain"), SUBMISSION, bench)

    return asyncio.run(main())


def test_a_grading_past_its_time_ends_with_a_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "GRADING_SECONDS", 0.2)
    grade = graded(tmp_path, 0)
    assert (grade.y, grade.invalid) == (None, "grading_box_broken")
    downs = [event.data for event in read_events(tmp_path / "events.jsonl") if event.kind == "box.down"]
    assert downs == [{"name": "grade-0", "cause": "grading took longer than 0.2 s"}]


def test_a_grading_that_its_own_host_held_up_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benches, "GRADING_SECONDS", 0.2)
    monkeypatch.setattr(standstill, "STANDSTILL_SECONDS", 0.8)
    monkeypatch.setattr(standstill, "_TICK_SECONDS", 0.05)
    with pytest.raises(GradingFault, match="this process stood still for 1 s"):
        graded(tmp_path, 1)
