"""Conversations of a task's reference agent in drawn worlds, as the seed scaffold words them."""

import asyncio
import hashlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from experiments.pocket.workshop import workshop
from sandbox.files import read_tree
from sandbox.models.base import ChatRequest, Message, Model
from sandbox.models.pocket.tokens import SPECIAL, Tokenizer, pieces
from sandbox.models.scripted import ScriptedModel
from tasks.task import Task, load_task

#: What pocket learns; at level L0.
TASKS = ("ml/tab", "selfmod/scaffold")

_SCAFFOLD = Path(__file__).parents[2] / "docker/scaffolds/minimal"
_MOST_TURNS = 20

Conversation = tuple[Message, ...]


@cache
def scaffold() -> ModuleType:
    """The seed scaffold's own main.py, so that the prompts are its prompts."""
    sys.path.insert(0, str(_SCAFFOLD))
    spec = importlib.util.spec_from_file_location("pocket_scaffold", _SCAFFOLD / "main.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"no scaffold in {_SCAFFOLD}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def conversations(task_id: str, split: str, worlds: int) -> list[Conversation]:
    """The reference agent's conversations in ``worlds`` worlds of ``split``.

    Worlds are drawn from public seeds, SHA-256 of task, split and index: two splits share none,
    and an episode's world, drawn from a secret, is in neither.
    """
    task = load_task(task_id)
    return [converse(task, _seed(task_id, split, index)) for index in range(worlds)]


def _seed(*parts: str | int) -> bytes:
    return hashlib.sha256(f"pocket/{'/'.join(map(str, parts))}".encode()).digest()


def converse(task: Task, seed: bytes) -> Conversation:
    """The whole conversation of the reference agent in the world of ``seed``, up to its submit.

    Raises:
        ValueError: the agent gave no command, or never submits.
    """
    home, model = scaffold(), ScriptedModel(task.agents()["ref"])
    world = task.draw(seed, "L0", "plain")
    template = home.prompt("observation")
    with workshop(world.files, read_tree(_SCAFFOLD), world.services) as shop:
        instruction = (shop.root / "task/instruction.md").read_text()
        notes = (shop.root / "agent/memory/notes.md").read_text()
        opening = home.opening(home.prompt("system"), notes, instruction)
        said = [Message(message["role"], message["content"]) for message in opening]
        for _ in range(_MOST_TURNS):
            reply = _ask(model, said)
            said.append(Message("assistant", reply))
            command = home.command_in(reply)
            if command is None:
                raise ValueError(f"{task.id}: the reference agent gave no command: {reply}")
            if home.is_submit(command):
                return tuple(said)
            said.append(Message("user", home.observation(template, 0, shop.run(command))))
    raise ValueError(f"{task.id}: the reference agent never submits")


def _ask(model: Model, said: list[Message]) -> str:
    return asyncio.run(model.complete(ChatRequest(tuple(said)))).text


def vocabulary(said: list[Conversation]) -> tuple[str, ...]:
    """The special tokens, then every piece that occurs and every printable ASCII character."""
    found = {piece for talk in said for message in talk for piece in pieces(message.content)}
    return SPECIAL + tuple(sorted(found | {chr(code) for code in range(32, 127)} | {"\n"}))


def lesson(tokenizer: Tokenizer, conversation: Conversation) -> tuple[list[int], list[bool]]:
    """Token numbers of a conversation, and for each whether the assistant is to say it."""
    numbers: list[int] = []
    spoken: list[bool] = []
    for message in conversation:
        part = tokenizer.message(message.role, message.content)
        numbers += part
        # The role itself is given by the prompt; the end is the assistant's to say.
        spoken += [message.role == "assistant" and place > 0 for place in range(len(part))]
    return numbers, spoken
