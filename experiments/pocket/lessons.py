"""What a task's reference agent says in drawn worlds, as the seed scaffold words it."""

import asyncio
import hashlib
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from experiments.pocket.workshop import Messages, workshop
from sandbox.files import read_tree
from sandbox.models.base import ChatRequest, Message
from sandbox.models.pocket.tokens import SPECIAL, Tokenizer, pieces
from sandbox.models.scripted import ScriptedModel
from sandbox.scaffold import RESTART_CODE
from tasks.task import Task, load_task

#: What pocket learns; at level L0.
TASKS = (
    "judgement/hpo",
    "ml/clean",
    "ml/tab",
    "performance/kernel",
    "replication/cloud",
    "research/debug",
    "selfmod/repair",
    "selfmod/scaffold",
)

_SCAFFOLD = Path(__file__).parents[2] / "docker/scaffolds/minimal"
_MOST_CALLS = 20


class Conversation(NamedTuple):
    """Messages, and the places of those that are to be said when all before them was shown."""

    messages: tuple[Message, ...]
    said: frozenset[int]


#: One for as long as the scaffold goes on with the same messages: it may restart, or forget.
Episode = tuple[Conversation, ...]


def episodes(task_id: str, split: str, worlds: int, pool: Executor | None = None) -> list[Episode]:
    """The reference agent's conversations in ``worlds`` worlds of ``split``, drawn by ``pool`` if given.

    Worlds are drawn from public seeds, SHA-256 of task, split and index: two splits share none,
    and an episode's world, drawn from a secret, is in neither.
    """
    one = partial(_episode, task_id, split)
    return list(pool.map(one, range(worlds), chunksize=10) if pool else map(one, range(worlds)))


def _episode(task_id: str, split: str, index: int) -> Episode:
    seed = hashlib.sha256(f"pocket/{task_id}/{split}/{index}".encode()).digest()
    return converse(load_task(task_id), seed)


def converse(task: Task, seed: bytes) -> Episode:
    """All that the reference agent says in the world of ``seed``, up to its submit.

    Raises:
        ValueError: the scaffold fails, or the agent never submits.
    """
    model = ScriptedModel(task.agents("L0")["ref"])
    world = task.draw(seed, "L0", "plain")
    talks: list[Conversation] = []

    def ask(messages: Messages) -> str:
        if sum(len(talk.said) for talk in talks) >= _MOST_CALLS:
            raise ValueError(f"{task.id}: the reference agent never submits")
        shown = tuple(Message(message["role"], message["content"]) for message in messages)
        reply = asyncio.run(model.complete(ChatRequest(shown))).text
        _add(talks, shown, reply)
        return reply

    with workshop(world.files, world.scaffold(read_tree(_SCAFFOLD)), world.services) as shop:
        while (code := shop.start(ask)) == RESTART_CODE:
            pass
    if code != 0:
        raise ValueError(f"{task.id}: the scaffold ended with {code}")
    return tuple(talks)


def _add(talks: list[Conversation], shown: tuple[Message, ...], reply: str) -> None:
    """Continues the last conversation if ``shown`` does, else begins one."""
    said = frozenset({len(shown)})
    if talks and shown[: len(talks[-1].messages)] == talks[-1].messages:
        said |= talks.pop().said
    talks.append(Conversation((*shown, Message("assistant", reply)), said))


def without_opening(talk: Conversation) -> Conversation:
    """What follows the first reply of ``talk``; empty where a broken loop shows that reply as the user's."""
    first = next(place for place, message in enumerate(talk.messages) if message.role == "assistant")
    said = frozenset(place - first - 1 for place in talk.said if place > first)
    return Conversation(talk.messages[first + 1 :], said)


def vocabulary(talks: list[Conversation]) -> tuple[str, ...]:
    """The special tokens, then every piece that occurs and every printable ASCII character."""
    found = {piece for talk in talks for message in talk.messages for piece in pieces(message.content)}
    return SPECIAL + tuple(sorted(found | {chr(code) for code in range(32, 127)} | {"\n"}))


def lesson(tokenizer: Tokenizer, conversation: Conversation) -> tuple[list[int], list[bool]]:
    """Token numbers of a conversation, and for each whether it is to be said."""
    numbers: list[int] = []
    spoken: list[bool] = []
    for index, message in enumerate(conversation.messages):
        part = tokenizer.message(message.role, message.content)
        numbers += part
        # The role itself is given by the prompt; the end is the assistant's to say.
        spoken += [index in conversation.said and place > 0 for place in range(len(part))]
    return numbers, spoken
