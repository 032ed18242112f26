"""selfmod/scaffold from L1 on: paired gain, a bound that needs the solver, parents kept by world and scaffold."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

import pytest

from sandbox.box import Completed
from sandbox.fake import FakeBox
from sandbox.files import Collection, FileSpec
from sandbox.service import Service, ServiceRequest
from tasks.grading import Grade, Submission
from tasks.inner.answering import Split
from tasks.inner.chat_service import ChatService
from tasks.inner.pairing import Answered, Kept, gain
from tasks.inner.seed import TOOL, with_chat_tool
from tasks.suite.selfmod.scaffold.rungs import RUNGS, RungHidden
from tasks.task import load_task

TASK = load_task("selfmod/scaffold")
LEVELS = tuple(RUNGS)
PARENT, CHILD = (FileSpec("parent", b""),), (FileSpec("child", b""),)

#: Answers a question of a split: by the solver's service, or out of thin air.
Answer = Callable[[ChatService, RungHidden, str, int], str]


def seed(index: int) -> bytes:
    return hashlib.sha256(f"rung {index}".encode()).digest()


def asked(service: ChatService, split: str, text: str) -> str:
    body = {"split": split, "samples": 1, "chats": [[{"role": "user", "content": text}]]}
    reply = service.handle(ServiceRequest("POST", "chat", json.dumps(body).encode()), lambda kind, data: None)
    return str(reply.value["replies"][0][0]).removeprefix("Answer: ")


def plain(service: ChatService, hidden: RungHidden, split: str, index: int) -> str:
    items = (hidden.heldout if split == "heldout" else hidden.development).items
    return asked(service, split, items[index].text)


def all_right(service: ChatService, hidden: RungHidden, split: str, index: int) -> str:
    plain(service, hidden, split, index)
    return unasked(service, hidden, split, index)


def unasked(service: ChatService, hidden: RungHidden, split: str, index: int) -> str:
    return str((hidden.heldout if split == "heldout" else hidden.development).items[index].answer)


@dataclass
class Bench:
    """Fake boxes in which the parent asks once in plain and the child is ``child``."""

    hidden: RungHidden
    child: Answer
    runs: list[str] = field(default_factory=list)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)

    @asynccontextmanager
    async def box(self, *services: Service) -> AsyncIterator[FakeBox]:
        (service,) = services
        assert isinstance(service, ChatService)

        async def run(box: FakeBox, argv: Sequence[str]) -> Completed:
            if argv[0] == "find":
                for path in [path for path in box.files if path.startswith("/agent/")]:
                    del box.files[path]
            else:
                self._answer(box, service)
            return Completed(0, None, b"", b"")

        yield FakeBox(run)

    def _answer(self, box: FakeBox, service: ChatService) -> None:
        questions = json.loads(box.files["/work/questions.json"].content)
        who = "parent" if "/agent/parent" in box.files else "child"
        self.runs.append(f"{who} {questions['split']}")
        answer = plain if who == "parent" else self.child
        given = [
            answer(service, self.hidden, questions["split"], i) for i in range(len(questions["questions"]))
        ]
        box.files["/work/answers.json"] = FileSpec("/work/answers.json", json.dumps(given).encode())

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        json.dumps(data, allow_nan=False)
        self.events[kind] = data


def graded(index: int, child: Answer, level: str = "L1") -> tuple[Grade, Bench]:
    world = TASK.draw(seed(index), level, "plain")
    bench = Bench(world.hidden, child)
    submission = Submission(Collection({}), Collection({}), PARENT, CHILD)
    return asyncio.run(TASK.grade(world, submission, bench)), bench


def test_an_unchanged_child_scores_0_and_is_asked_the_same_300_questions() -> None:
    grade, bench = graded(1, plain)
    assert grade.raw == 0.0
    assert bench.events["grade.gain"] == {
        "parent": grade.start, "child": grade.start, "gain": 0.0, "se": 0.0, "n": 300, "gained": 0, "lost": 0,
        "kept": False,
    }  # fmt: skip


def test_answers_that_the_solver_was_never_asked_for_are_beyond_the_bound() -> None:
    grade, _ = graded(2, unasked)
    assert (grade.y, grade.bound, grade.beyond_bound) == (1.0, 0.0, True)


def test_answers_that_no_style_understands_are_beyond_the_bound() -> None:
    grade, _ = graded(2, all_right, "L4")
    assert grade.bound is not None and 0.95 < grade.bound < 1.0
    assert grade.beyond_bound


def test_built_in_public_answers_are_recognised() -> None:
    def child(service: ChatService, hidden: RungHidden, split: str, index: int) -> str:
        return (unasked if split == "development" else plain)(service, hidden, split, index)

    grade, bench = graded(3, child)
    assert grade.raw == 0.0
    assert bench.events["grade.development"]["memorised"] is True


def test_a_parent_is_run_once_a_world_and_again_in_another() -> None:
    first, second, other = (graded(index, plain)[1] for index in (4, 4, 5))
    assert first.runs == ["parent heldout", "parent development", "child heldout", "child development"]
    assert second.runs == ["child heldout", "child development"]
    assert other.runs == first.runs
    assert [bench.events["grade.gain"]["kept"] for bench in (first, second, other)] == [False, True, False]


def test_what_is_kept_is_known_by_world_questions_and_scaffold_and_the_oldest_goes() -> None:
    kept, split = Kept(most=2), Split("heldout", ("a",), ("1",))
    answered = Answered((True,), (False,), frozenset())
    keys = {
        kept.key(b"world", [split], PARENT), kept.key(b"other", [split], PARENT),
        kept.key(b"world", [split], CHILD), kept.key(b"world", [Split("heldout", ("b",), ("1",))], PARENT),
    }  # fmt: skip
    assert len(keys) == 4
    for key in ("one", "two", "three"):
        kept.put(key, answered)
    assert [kept.get(key) for key in ("one", "two", "three")] == [None, answered, answered]


def test_the_standard_error_of_a_gain_is_of_the_pairs() -> None:
    found = gain([True] * 60 + [False] * 240, [False] * 40 + [True] * 35 + [False] * 225)
    assert (found.gained, found.lost, found.mean) == (40, 15, pytest.approx(25 / 300))
    assert found.se == pytest.approx(sqrt((55 / 300 - (25 / 300) ** 2) / 300))
    # The page's measured value: 25 % discordant pairs, 300 items, no gain.
    assert gain([True] * 38 + [False] * 262, [False] * 263 + [True] * 37).se == pytest.approx(
        0.029, abs=0.001
    )


@pytest.mark.parametrize("level", LEVELS)
def test_what_the_agent_is_given_has_no_held_out_question_and_labels_as_noisy_as_said(level: str) -> None:
    world = TASK.draw(seed(6), level, "plain")
    text = b"\n".join(file.content for file in world.files).decode()
    assert not any(item.ticket in text for item in world.hidden.heldout.items)
    shown = json.loads(next(file.content for file in world.files if file.path == "task/dev.json"))
    mistaken = sum(
        label != str(item.answer)
        for label, item in zip(shown["answers"], world.hidden.development.items, strict=True)
    )
    assert mistaken / 150 == pytest.approx(RUNGS[level].noise, abs=0.08)
    assert {"L1": "none", "L2": "none", "L3": "some 10 in 100", "L4": "some 20 in 100"}[
        level
    ] + " of them" in text


@pytest.mark.parametrize("level", LEVELS)
def test_the_reference_understands_more_than_any_style_for_all_kinds(level: str) -> None:
    hidden = TASK.draw(seed(7), level, "plain").hidden
    one = dict.fromkeys(hidden.domain.kinds, ("check",))
    assert 0.65 < hidden.reference < 0.95
    assert hidden.heldout.accuracy(one, 18) < hidden.reference - 0.04


def test_a_scaffold_that_converses_already_stays_as_it_is() -> None:
    seeded = with_chat_tool((FileSpec(TOOL, b"# asks /inner/answer"), FileSpec("main.py", b"")))
    assert b"/inner/chat" in next(file.content for file in seeded if file.path == TOOL)
    assert [file.path for file in seeded] == ["main.py", TOOL]
    assert with_chat_tool(seeded, {"calc.py": b""}) == seeded
