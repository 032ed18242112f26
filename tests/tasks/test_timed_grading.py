"""What counts of a timed submission's box, whoever used it and when: on fake boxes whose time is told by the test."""

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any

import numpy as np
import pytest

from sandbox.box import Box, Completed
from sandbox.fake import FakeBox
from sandbox.files import Collection, FileSpec
from tasks.grading import Grade, Submission
from tasks.pacing import Floats, Pace, Truths
from tasks.speed import grade_speed

#: Calls of the start and of the reference in a processor second.
START, REFERENCE = 100, 1000
#: Processor seconds of a step but for its calls.
STEP = 0.02
DONE = Completed(0, None, b"", b"")


@dataclass(frozen=True)
class Ones:
    """Cases whose results are 1."""

    calls: int
    size: int = 1

    @property
    def inputs(self) -> Mapping[str, Floats]:
        return {"x": np.zeros((self.calls, 1))}

    def right(self, found: Floats) -> Truths:
        return np.asarray(found[:, 0] == 1)

    def remembered(self, found: Floats) -> bool:
        return False


class Work:
    """A function that gives 1."""

    name, start, reference = "one", "", ""

    def cases(self, random: np.random.Generator, calls: int) -> Ones:
        return Ones(calls)


@dataclass
class Submitted:
    """What a submission's box does: processor seconds of a call, of its import, and between a step's cases and it."""

    call: float = 0.002
    imported: float = 0.0
    between: float = 0.0
    #: Does this in place of a step, by its number.
    instead: Callable[[FakeBox, int], Completed | None] = lambda box, step: None
    steps: int = 0

    async def program(self, box: FakeBox, argv: Sequence[str]) -> Completed:
        if argv[0] == "python3":
            return DONE
        self.steps += 1
        if (other := self.instead(box, self.steps)) is not None:
            return other
        if self.steps in (1, 3):
            use(box, self.imported)
            return DONE
        calls = len(np.load(io.BytesIO(box.files["/task/in.npy"].content)))
        use(box, STEP + self.between + self.call * calls)
        target = io.BytesIO()
        np.save(target, np.ones(calls))
        box.files["/task/out.npy"] = FileSpec("/task/out.npy", target.getvalue())
        return DONE


@dataclass
class Ran:
    """The box of one of the task's own functions, and so many calls that it makes in a processor second."""

    rate: int

    async def program(self, box: FakeBox, argv: Sequence[str]) -> Completed:
        if argv[0] == "python3":
            return DONE
        told: Any = 0
        if "/task/in.npy" in box.files:
            while not box.files["/task/stop"].content:
                await asyncio.sleep(0)
            box.files["/task/stop"] = FileSpec("/task/stop", b"")
            use(box, 1.0 + STEP)
            told = {"calls": [[0, 1e12, 1.0, self.rate]], "cpu": 1.0}
        results = bytes(8) + json.dumps(told).encode()
        box.files["/task/out.npy"] = FileSpec("/task/out.npy", results)
        return DONE


def use(box: FakeBox, seconds: float) -> None:
    """Lets a box use processor time."""
    box.used = replace(box.used, cpu_us=(box.used.cpu_us or 0) + round(seconds * 1e6))


class Bench:
    """Gives the box of the start, that of the reference, then that of the submission."""

    def __init__(self, submitted: Submitted) -> None:
        self._programs = [Ran(START).program, Ran(REFERENCE).program, submitted.program]

    @contextlib.asynccontextmanager
    async def box(
        self, *services: Any, ground: Any = None, seconds: float | None = None
    ) -> AsyncIterator[Box]:
        yield FakeBox(self._programs.pop(0))

    def keep(self, seen: Iterable[Any]) -> None:
        raise AssertionError("nothing is kept")

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        json.dumps(data, allow_nan=False)


def grade(submitted: Submitted) -> Grade:
    files = Collection({"submission/one.py": b""})
    submission = Submission(files, Collection({}), (), ())
    pace = Pace(0.1, least=1, most=100)
    return asyncio.run(grade_speed(Work(), pace, Ones(3), b"seed", 1e-9, submission, Bench(submitted)))


def seconds(found: Grade) -> float:
    """Processor seconds of a call, by a grade."""
    assert found.y is not None
    return float(np.exp(-found.y) / START)


def test_a_call_is_held_against_both_anchors() -> None:
    found = grade(Submitted(call=0.002))
    assert seconds(found) == pytest.approx(0.002, rel=0.03)
    assert found.reference == pytest.approx(log(REFERENCE / START))


def test_helpers_that_work_between_two_steps_are_charged() -> None:
    assert seconds(grade(Submitted(call=0.002, between=0.1))) > 0.0035


def test_what_the_first_process_of_its_box_uses_is_not_charged() -> None:
    def look(box: FakeBox, number: int) -> Completed | None:
        use(box, 0.5)
        box.runner = (box.runner or 0) + 500_000
        return None

    assert seconds(grade(Submitted(call=0.002, instead=look))) == pytest.approx(0.002, rel=0.03)


def test_an_import_that_takes_long_is_charged_and_the_reading_of_a_file_is_not() -> None:
    assert seconds(grade(Submitted(call=0.002, imported=0.02))) == pytest.approx(0.002, rel=0.03)
    assert seconds(grade(Submitted(call=0.002, imported=0.33))) > 0.003


@pytest.mark.parametrize("step", range(1, 8))
def test_a_submission_that_ends_its_box_or_itself_at_any_step_is_invalid_and_never_unmeasurable(
    step: int,
) -> None:
    def end(box: FakeBox, number: int) -> Completed | None:
        if number == step:
            box.die("it was ended from within")
        return None

    def fail(box: FakeBox, number: int) -> Completed | None:
        return Completed(9, None, b"", b"") if number == step else None

    assert grade(Submitted(instead=end)).invalid == "grading_box_broken"
    assert grade(Submitted(instead=fail)).invalid == "submission_failed"
