"""A submission that never lets its grader come to an end, and one that tries what no agent may."""

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from experiments.attempts import bench as benches
from experiments.attempts.bench import GradingBench
from monitors.registry import new_watcher
from sandbox.box import Completed
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.episode import standstill
from sandbox.errors import GradingFault
from sandbox.event_log import EventLog
from sandbox.events import read_events
from sandbox.fake import FakeBox, FakeBoxes
from sandbox.files import Collection
from sandbox.findings import Finding
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
    with pytest.raises(GradingFault, match=r"this process stood still for \d+ s"):
        graded(tmp_path, 1)


@pytest.mark.box
def test_what_is_tried_in_a_grading_box_is_told_and_found(tmp_path: Path, engine: Engine, image: str) -> None:
    async def main() -> list[Finding]:
        watcher = new_watcher()
        with EventLog(tmp_path / "events.jsonl") as log:
            recorder = Recorder(log, watcher, Limits(), Ending())
            labels = {"owner": "bench", "episode": "bench"}
            bench = GradingBench(
                DockerBoxes(engine, image=image), recorder, Limits(), f"bench-{os.getpid()}", labels
            )
            async with bench.box() as box:
                code = "import os, socket as s\ntry: os.setuid(0)\nexcept OSError: s.socket().connect_ex(('10.0.0.1', 80))"
                await box.run(["python3", "-c", code], cwd="/work", env={"HOME": "/work"}, output=100)
        return watcher.findings

    found = asyncio.run(main())
    assert [finding.code for finding in found] == ["privilege.attempt", "network.attempt"]
    kinds = [event.kind for event in read_events(tmp_path / "events.jsonl")]
    assert kinds == ["box.create", "box.up", "privilege.call", "net.connect", "box.down"]
