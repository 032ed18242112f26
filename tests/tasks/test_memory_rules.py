"""selfmod/memory: what a sequence tells, what the weak reader makes of it, and how a policy is graded."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from statistics import fmean
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sandbox.box import Completed
from sandbox.fake import FakeBox
from sandbox.files import Collection, FileSpec
from sandbox.service import Service, ServiceRequest
from tasks.grading import Bench, Submission
from tasks.suite.selfmod.memory.grade import most_files, report_development, shares, size
from tasks.suite.selfmod.memory.reader import ReaderService, read
from tasks.suite.selfmod.memory.sequence import Item, Told, check
from tasks.suite.selfmod.memory.world import LEVELS, TOOL, Hidden, forgetful
from tasks.task import load_task

MEMORY = load_task("selfmod/memory")
CODES = {"aa": "1", "bb": "2"}


def hidden(level: str, index: int = 0) -> Hidden:
    drawn: Hidden = MEMORY.draw(sha256(f"world {index}".encode()).digest(), level, "plain").hidden
    return drawn


def newest(told: Told) -> tuple[list[float], int]:
    """The accuracy at each item of a policy that keeps the newest true code of each entry, and the most bytes that it
    keeps, a line each."""
    held: dict[str, str] = {}
    curve, most = [], 0
    for item in told.items:
        for line in item.told:
            words = line.split()
            if len(words) < 5 or words[-2] != "check" or check(words[-5], words[-3]) != int(words[-1]):
                continue
            first, verb, second = words[-5:-2]
            held[first] = held.pop(second) if verb == "renames" else second
        most = max(most, sum(len(f"{name} {code}\n") for name, code in held.items()))
        right = [told.codes[held[question.split()[3]]] == answer for question, answer in item.asked.items()]
        curve.append(fmean(right))
    return curve, most


@pytest.mark.parametrize("level", sorted(LEVELS))
def test_the_newest_true_code_of_each_entry_answers_every_question_within_the_cap(level: str) -> None:
    for split in (hidden(level).heldout, hidden(level).public):
        curve, most = newest(split)
        assert curve == [1.0] * LEVELS[level].items
        assert most + 1_000 < LEVELS[level].cap


@pytest.mark.parametrize("level", ["L2", "L3"])
def test_all_that_is_told_does_not_fit_into_the_memory(level: str) -> None:
    told = [line for item in hidden(level).heldout.items for line in item.told]
    assert len("\n".join(told)) > LEVELS[level].cap


@pytest.mark.parametrize(("level", "low", "high"), [("L0", 0.45, 0.65), ("L1", 0.2, 0.35), ("L3", 0.15, 0.3)])
def test_without_a_memory_little_is_answered(level: str, low: float, high: float) -> None:
    assert all(low < fmean(hidden(level, index).start) < high for index in range(3))


def test_public_answers_are_of_no_use_held_out() -> None:
    world = hidden("L1")
    public = {question: answer for item in world.public.items for question, answer in item.asked.items()}
    asked = [pair for item in world.heldout.items for pair in item.asked.items()]
    assert {question for question, _ in asked} & public.keys()
    assert sum(public.get(question) == answer for question, answer in asked) < 0.05 * len(asked)
    assert not world.public.codes.keys() & world.heldout.codes.keys()


@pytest.mark.parametrize(
    ("context", "answer"),
    [
        (["Note k1 holds aa check 3"], "1"),
        (["k1 holds aa", "k1 holds bb"], "1"),
        (["k2 holds aa", "k1 holds bb"], "2"),
        (["k1 holds cc", "k1 holds bb"], "unknown"),
        (["k1holds aa", "k1"], "unknown"),
        ([], "unknown"),
    ],
)
def test_the_reader_believes_the_first_line_about_an_entry(context: list[str], answer: str) -> None:
    assert read("What does entry k1 hold?", context, CODES) == answer


def test_the_check_is_of_the_two_words_around_the_verb() -> None:
    assert check("ab", "c") == (97 + 98 + 99) % 100


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({}, "asked_is_a_list_of_at_most_50"),
        ([{}] * 51, "asked_is_a_list_of_at_most_50"),
        ([1], "needs_question_context"),
        ([{"question": 1, "context": []}], "question_is_a_text_context_a_list"),
        ([{"question": "", "context": [1]}], "context_is_a_list_of_texts"),
        ([{"question": "", "context": [""] * 9}], "context_is_at_most_8_lines_and_800_characters"),
        ([{"question": "", "context": ["x" * 801]}], "context_is_at_most_8_lines_and_800_characters"),
    ],
)
def test_what_is_no_question_with_a_short_context_is_refused_and_recorded(asked: object, reason: str) -> None:
    told: list[Mapping[str, object]] = []
    body = json.dumps({"asked": asked}).encode()
    reply = ReaderService(CODES).handle(
        ServiceRequest("POST", "read", body), lambda kind, data: told.append(data)
    )
    assert reply.value["error"]["code"] == reason
    assert told == [{"questions": 0, "lines": 0, "refused": reason}]


class EmptyMemory:
    """A bench whose one box has a policy that needs its memory directory, and answers nothing."""

    @asynccontextmanager
    async def box(self, *services: Service) -> AsyncIterator[FakeBox]:
        made: set[str] = set()

        async def run(box: FakeBox, argv: Sequence[str]) -> Completed:
            if argv[0] == "bash":
                box.files = {}
                made.clear()
            elif argv[0] == "mkdir":
                made.add(argv[1])
            else:
                asked = json.loads(box.files["/work/item.json"].content)["questions"]
                box.files["/work/answers.json"] = FileSpec(
                    "answers.json", json.dumps(["unknown"] * len(asked)).encode()
                )
                if "/agent/memory" not in made:
                    return Completed(1, None, b"", b"")
            return Completed(0, None, b"", b"")

        yield FakeBox(run)

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        """Takes an event."""


def test_an_empty_memory_is_a_directory_as_it_was_in_the_agents_box() -> None:
    submission = Submission(Collection({}), Collection({}), (), (FileSpec(TOOL, b""),))
    world = MEMORY.draw(bytes(32), "L0", "plain")
    grade = asyncio.run(MEMORY.grade(world, submission, cast(Bench, EmptyMemory())))
    assert (grade.y, grade.invalid) == (0.0, None)


def test_a_memory_of_many_small_files_is_bounded_by_its_bytes_alone() -> None:
    entries = [FileSpec(f"memory/k{number:03x}", b"12345678") for number in range(800)]
    assert size(entries) == 800 * (11 + 8) <= LEVELS["L1"].cap
    assert most_files(LEVELS["L1"].cap) > 800
    assert size([FileSpec("memory/x", b"")] * (most_files(3_072) + 1)) > 3_072


def test_every_episode_begins_with_the_policy_that_keeps_nothing() -> None:
    given = (FileSpec(TOOL, b"better"), FileSpec("main.py", b"loop"))
    laid = {file.path: file.content for file in forgetful(given)}
    assert laid["main.py"] == b"loop"
    assert b"KEEP = 0" in laid[TOOL]
    assert len(forgetful(given)) == 2


def test_every_item_counts_alike_however_much_it_asks() -> None:
    items = (Item((), {"a": "1", "b": "2"}), Item((), {"a": "1", "b": "2", "c": "3", "d": "4"}))
    assert shares([1, 4], Told(items, {})) == [0.5, 1.0]


def right_of(told: Told, kept: int) -> list[int]:
    """Right answers at each item of a policy that keeps the last ``kept`` true lines."""
    lines: list[str] = []
    right = []
    for item in told.items:
        words = [line.split() for line in item.told]
        lines += [" ".join(w) for w in words if w[-2] == "check" and check(w[-5], w[-3]) == int(w[-1])]
        right.append(
            sum(
                read(asked, [line for line in lines[::-1] if asked.split()[3] in line][:8], told.codes)
                == answer
                for asked, answer in item.asked.items()
            )
        )
        lines = lines[-kept:]
    return right


def memorised(world: Hidden, held: list[int], public: list[int]) -> object:
    told: dict[str, Any] = {}
    bench = cast(Bench, SimpleNamespace(emit=lambda kind, data: told.update(data)))
    report_development(world, held, public, bench)
    return told["memorised"]


@pytest.mark.parametrize("index", range(3))
def test_a_policy_that_forgets_what_is_old_has_nothing_built_in(index: int) -> None:
    world = hidden("L1", index)
    held, public = right_of(world.heldout, 24), right_of(world.public, 24)
    # It does far worse on the whole sequence than at the beginning of the other one.
    assert (
        sum(held) / world.heldout.questions
        < sum(public[:8]) / sum(len(item.asked) for item in world.public.items[:8]) - 0.2
    )
    assert memorised(world, held, public) is False


def test_public_answers_that_are_built_in_show_at_the_beginning() -> None:
    for level in LEVELS:
        world = hidden(level)
        started = [
            round(share * len(item.asked))
            for share, item in zip(world.start, world.heldout.items, strict=True)
        ]
        assert memorised(world, started, [len(item.asked) for item in world.public.items]) is True
