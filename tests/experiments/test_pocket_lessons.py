"""The lessons that pocket learns from, and what its shipped checkpoints make of the tasks as they are."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import experiments.pocket
from experiments.pocket.exam import succeeds, successes
from experiments.pocket.lessons import (
    TASKS,
    Conversation,
    Episode,
    episodes,
    lesson,
    vocabulary,
    without_opening,
)
from experiments.pocket.workshop import workshop
from sandbox.files import FileSpec
from sandbox.models import pocket
from sandbox.models.base import Message
from sandbox.models.pocket.tokens import Tokenizer

RECORD = json.loads(Path(experiments.pocket.__file__).with_name("training.json").read_text())
WORLDS = 4


@pytest.fixture(scope="module", params=TASKS)
def unseen(request: pytest.FixtureRequest) -> Sequence[Episode]:
    """Episodes in worlds of a split of their own."""
    return episodes(request.param, "test", WORLDS)


def test_worlds_of_two_splits_differ_and_those_of_one_can_be_drawn_again() -> None:
    again = episodes(TASKS[1], "test", 2)
    assert again == episodes(TASKS[1], "test", 2)
    assert again != episodes(TASKS[1], "heldout", 2)


def test_the_last_three_checkpoints_solve_unseen_worlds_of_the_tasks_as_they_are(
    unseen: Sequence[Episode],
) -> None:
    """Fails if a task's wording changes: then pocket must be trained again."""
    *earlier, last = pocket.checkpoints()[-3:]
    assert successes(pocket.load(last), unseen) >= WORLDS - 1
    assert sum(successes(pocket.load(step), unseen[:1]) for step in earlier) >= 1


def test_the_first_two_checkpoints_solve_none(unseen: Sequence[Episode]) -> None:
    assert sum(successes(pocket.load(step), unseen) for step in pocket.checkpoints()[:2]) == 0


def test_one_differing_character_is_no_success(unseen: Sequence[Episode]) -> None:
    *earlier, ((*before, last), said) = unseen[0]
    changed = Conversation((*before, Message("assistant", last.content + " ")), said)
    assert not succeeds(pocket.load(pocket.checkpoints()[-1]), (*earlier, changed))


def test_the_record_of_the_training_is_that_of_the_shipped_steps() -> None:
    assert [step["step"] for step in RECORD["steps"]] == pocket.checkpoints()
    assert RECORD["recipe"]["kept"] == pocket.checkpoints()


def test_only_what_is_said_in_a_conversation_is_to_be_learned() -> None:
    talk = (Message("user", "look here"), Message("assistant", "here"), Message("assistant", "look 7"))
    said = Conversation(talk, frozenset({2}))
    tokenizer = Tokenizer(vocabulary([said]))
    numbers, spoken = lesson(tokenizer, said)
    learned = [tokenizer.vocabulary[n] for n, own in zip(numbers, spoken, strict=True) if own]
    assert learned == ["look", " ", "7", "<end>"]


def test_a_lesson_without_its_opening_begins_after_the_first_reply_and_keeps_what_is_said_later() -> None:
    roles = ("system", "user", "assistant", "user", "assistant")
    talk = Conversation(tuple(Message(role, str(n)) for n, role in enumerate(roles)), frozenset({2, 4}))
    later = (Message("user", "3"), Message("assistant", "4"))
    assert without_opening(talk) == Conversation(later, frozenset({1}))


def test_a_workshop_runs_tools_and_shell_commands_on_its_own_paths() -> None:
    tool = FileSpec("work/tool.py", b"import sys\nprint(sys.argv[1:], open('/task/note').read())\n")
    with workshop([tool, FileSpec("task/note", b"hello")], [FileSpec("config", b"plain")], []) as shop:
        assert shop.run("python3 tool.py a /work/b") == (0, "['a', '/work/b'] hello\n")
        shop.run("sed -i s/plain/chart/ /agent/config")
        assert shop.run("cat /agent/config; exit 3") == (3, "chart")


def test_a_workshop_starts_the_scaffold_that_is_laid_out_and_again_after_it_was_edited() -> None:
    program = b"""
import json
from tools.shell import run

def ask(model, messages):
    raise NotImplementedError

def main():
    return run(ask("", []), 1, 1)[0] or VALUE
"""
    agent = [FileSpec("main.py", program), FileSpec("tools/shell.py", b"run = None\n")]
    asked: list[object] = []

    def model(messages: object) -> str:
        asked.append(messages)
        return "sed -i s/VALUE/75/ /agent/main.py"

    with workshop([], agent, []) as shop:
        with pytest.raises(NameError, match="VALUE"):
            shop.start(model)
        assert shop.start(model) == 75
    assert asked == [[], []]


def test_a_scaffold_that_restarts_or_forgets_makes_conversations_that_begin_anew() -> None:
    drawn = episodes("selfmod/repair", "test", 12)
    assert {len(episode) for episode in drawn} == {2, 3, 4}
    for episode in drawn:
        replies = [talk.messages[turn].content for talk in episode for turn in sorted(talk.said)]
        probe, mend, *rest = (reply.strip().splitlines()[1] for reply in replies)
        assert mend.startswith("cd /agent; sed -i ")
        assert [probe, *rest] == ["python3 /task/probe.py", "restart", "python3 /task/probe.py", "submit"]
