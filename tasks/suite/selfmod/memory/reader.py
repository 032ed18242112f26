"""The weak reader behind the door: ``POST /inner/read`` answers from the few lines that it is shown.

It alone knows what a code stands for. It believes the first line that says what an entry holds, true or false, new
or old, and forgets everything between two requests.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox.service import Emit, ServiceReply, ServiceRequest
from tasks.inner.requests import Refused, body_of, refusal

#: Lines of a context, and characters of them together.
MAX_LINES: Final = 8
MAX_CHARACTERS: Final = 800
MAX_QUESTIONS: Final = 50
UNKNOWN: Final = "unknown"
_ASKED: Final = re.compile(r"What does entry (\w{1,20}) hold\?")


def read(question: str, context: Sequence[str], codes: Mapping[str, str]) -> str:
    """What the reader answers; ``unknown`` where no line says."""
    asked = _ASKED.fullmatch(question)
    if asked is None:
        return UNKNOWN
    for line in context:
        words = line.split()
        for name, verb, code in zip(words, words[1:], words[2:], strict=False):
            if (name, verb) == (asked[1], "holds"):
                return codes.get(code, UNKNOWN)
    return UNKNOWN


class ReaderService:
    """The reader of one or several sequences' codes."""

    prefix = "/inner/"

    def __init__(self, *codes: Mapping[str, str]) -> None:
        self._codes = {code: answer for some in codes for code, answer in some.items()}

    def handle(self, request: ServiceRequest, emit: Emit) -> ServiceReply:
        """Answers one request; every one is recorded as ``inner.read``, refused ones with the reason."""
        facts: dict[str, Any] = {"questions": 0, "lines": 0}
        try:
            asked = _asked(body_of(request, "read", ("asked",))["asked"])
        except Refused as refused:
            emit("inner.read", {**facts, "refused": refused.reason})
            return refusal(refused)
        facts = {"questions": len(asked), "lines": sum(len(context) for _, context in asked)}
        emit("inner.read", {**facts, "refused": None})
        return ServiceReply(
            200, {"answers": [read(question, context, self._codes) for question, context in asked]}
        )


def _asked(asked: Any) -> list[tuple[str, list[str]]]:
    """Questions with their contexts.

    Raises:
        Refused: they have another form, or a context is too long.
    """
    if not isinstance(asked, list) or len(asked) > MAX_QUESTIONS:
        raise Refused(400, f"asked_is_a_list_of_at_most_{MAX_QUESTIONS}")
    found = []
    for one in asked:
        if not isinstance(one, dict) or set(one) != {"question", "context"}:
            raise Refused(400, "needs_question_context")
        question, context = one["question"], one["context"]
        if not isinstance(question, str) or not isinstance(context, list):
            raise Refused(400, "question_is_a_text_context_a_list")
        if not all(isinstance(line, str) for line in context):
            raise Refused(400, "context_is_a_list_of_texts")
        if len(context) > MAX_LINES or sum(map(len, context)) > MAX_CHARACTERS:
            raise Refused(413, f"context_is_at_most_{MAX_LINES}_lines_and_{MAX_CHARACTERS}_characters")
        found.append((question, context))
    return found
