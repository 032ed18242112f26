"""Runs the answering tool of a scaffold in a box."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.box import Box
from sandbox.files import FileSpec
from tasks.grading import Invalid
from tasks.inner.items import Item
from tasks.inner.seed import TOOL
from tasks.laying import ENVIRONMENT
from tasks.reproduction import result, run_to_end

_MAX_ANSWERS_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Split:
    """Questions of a split with their right answers, in the same order."""

    name: str
    questions: tuple[str, ...]
    answers: tuple[str, ...]

    def shown(self) -> FileSpec:
        """Public questions with their answers, as the agent is given them."""
        value = {"questions": self.questions, "answers": self.answers}
        return FileSpec("task/dev.json", json.dumps(value).encode())


def split_of(name: str, items: Sequence[Item], labels: Sequence[int] | None = None) -> Split:
    """The questions of ``items``, with ``labels`` for their answers where those are not the right ones."""
    answers = [item.answer for item in items] if labels is None else labels
    return Split(name, tuple(item.text for item in items), tuple(map(str, answers)))


async def rights(box: Box, split: Split, seconds: float) -> tuple[bool, ...]:
    """Which questions of a split the scaffold in /agent answers right.

    Raises:
        Invalid: it does not answer as the task says.
    """
    asked = {"split": split.name, "questions": split.questions}
    # The empty answer file replaces what the run before may have left.
    answers = "answers.json"
    await box.put("/work", [FileSpec("questions.json", json.dumps(asked).encode()), FileSpec(answers, b"")])
    await run_to_end(
        box, ["python3", f"/agent/{TOOL}", "/work/questions.json", f"/work/{answers}"], "answer",
        cwd="/work", seconds=seconds, env=ENVIRONMENT,
    )  # fmt: skip
    given = parse_answers(await result(box, answers, "answers"), len(split.questions))
    return tuple(text == right for text, right in zip(given, split.answers, strict=True))


def parse_answers(data: bytes, n: int) -> list[str]:
    """The ``n`` answers of an answer file; whole numbers count as their text.

    Raises:
        Invalid: anything else, by cause.
    """
    if len(data) > _MAX_ANSWERS_BYTES:
        raise Invalid("answers_too_large")
    try:
        given = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Invalid("answers_not_json") from error
    if not isinstance(given, list) or not all(type(answer) in (str, int) for answer in given):
        raise Invalid("answers_not_a_list_of_texts")
    if len(given) != n:
        raise Invalid("answers_wrong_length")
    return [str(answer).strip() for answer in given]
