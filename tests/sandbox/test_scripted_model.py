"""The scripted model says what its file says, filled from what it was shown."""

import asyncio
from pathlib import Path

import pytest

from sandbox.canonical import sha256
from sandbox.errors import Mistake
from sandbox.models.base import ChatReply, ChatRequest, Message
from sandbox.models.scripted import ScriptedModel


def model(tmp_path: Path, text: str) -> ScriptedModel:
    (tmp_path / "script.yaml").write_text(text)
    return ScriptedModel(tmp_path / "script.yaml")


def say(model: ScriptedModel, shown: str) -> ChatReply:
    request = ChatRequest((Message("system", "be brief"), Message("user", "old"), Message("user", shown)))
    return asyncio.run(model.complete(request))


def test_turns_are_said_in_order_and_the_last_repeats(tmp_path: Path) -> None:
    script = model(tmp_path, "turns: [one, two]")
    assert [say(script, "x").text for _ in range(4)] == ["one", "two", "two", "two"]


def test_names_are_filled_from_the_last_user_message(tmp_path: Path) -> None:
    script = model(
        tmp_path, r"""turns: [{find: {pair: '^pair (\w+ \w+)', all: '\d+'}, say: '{pair} {all} {other}'}]"""
    )
    assert say(script, "exit\npair heat flow 12").text == "heat flow 12 {other}"


def test_what_is_not_found_is_visible_and_no_command(tmp_path: Path) -> None:
    script = model(tmp_path, "turns: [{find: {pair: 'pair (.*)'}, say: '{pair}'}]")
    assert say(script, "nothing").text == "The script finds no pair in what it was shown."


def test_what_is_not_found_may_have_a_text_of_its_own(tmp_path: Path) -> None:
    script = model(tmp_path, "turns: [{find: {pair: 'pair (.*)'}, say: '{pair}', otherwise: plan b}]")
    assert say(script, "nothing").text == "plan b"


def test_the_first_turn_of_a_choice_that_finds_all_it_looks_for_is_said(tmp_path: Path) -> None:
    script = model(
        tmp_path,
        """
turns:
  - first:
      - {find: {fault: '^fault a$', notes: 'notes (.*)'}, say: 'mend a, {notes}'}
      - {find: {fault: '^fault (.)$'}, say: 'mend {fault}'}
      - {find: {notes: 'notes (.*)'}, say: 'only {notes}'}
""",
    )
    shown = ["notes x\nfault a", "notes x\nfault b", "fault a", "notes x", "nothing"]
    assert [say(script, text).text for text in shown] == [
        "mend a, x", "mend b", "mend a", "only x", "The script finds no notes in what it was shown.",
    ]  # fmt: skip


def test_tokens_are_words_and_the_digest_is_the_files(tmp_path: Path) -> None:
    script = model(tmp_path, "turns: [one two three]")
    reply = say(script, "four five")
    assert (reply.tokens_in, reply.tokens_out) == (5, 3)
    assert script.digest == sha256(b"turns: [one two three]")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("turns: []", "turns: a script needs a turn"),
        ("[a]", "not a script"),
        ("turns: [a]\nmodel: b", "not a script"),
        ("turns: [1]", "turns.0: not a turn"),
        ("turns: [{say: a}]", "turns.0: not a turn"),
        ("turns: [{first: []}]", "turns.0.first: not a choice"),
        ("turns: [{first: [a, 1]}]", "turns.0.first.1: not a turn"),
        ("turns: [{find: {a: '('}, say: a}]", "turns.0.find: not a regular expression"),
        ("turns: [{find: [a], say: a}]", "turns.0: not a turn"),
        ("turns: [", "not YAML"),
    ],
)
def test_a_file_that_is_no_script_is_a_mistake(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(Mistake) as caught:
        model(tmp_path, text)
    assert problem in str(caught.value)


def test_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="cannot be read: No such file"):
        ScriptedModel(tmp_path / "none.yaml")
