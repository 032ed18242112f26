"""The solver of level L0 behind the door."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.service import Emit, ServiceReply, ServiceRequest
from tasks.inner.requests import Refused, metered_body_of, refusal, samples_of
from tasks.inner.weak import STYLES, WeakSolver


@dataclass(frozen=True, slots=True)
class _Asked:
    split: str
    style: str
    samples: int
    questions: Sequence[str]


class InnerService:
    """The solver behind the door: ``POST /inner/answer``, priced, with a budget of calls a question.

    Args:
        solvers: split -> its solver; another split does not exist here.
        allowance: split -> calls that each question of it allows.
    """

    prefix = "/inner/"

    def __init__(self, solvers: Mapping[str, WeakSolver], allowance: Mapping[str, int]) -> None:
        self._solvers, self._allowance = solvers, allowance
        self._used: Counter[tuple[str, str]] = Counter()

    def refill(self) -> None:
        """Grants every question its calls anew: the next scaffold's run begins."""
        self._used.clear()

    def asked(self, split: str) -> frozenset[str]:
        """Questions of a split that the solver was asked since the last ``refill``."""
        return frozenset(question for of, question in self._used if of == split)

    def handle(self, request: ServiceRequest, emit: Emit) -> ServiceReply:
        """Answers one request; every one is recorded as ``inner.call``, refused ones with the reason."""
        facts: dict[str, Any] = {"split": None, "style": None, "questions": 0, "samples": 0, "calls": 0}
        try:
            asked = _parse(request, self._allowance.values(), emit)
            facts |= {
                "split": asked.split, "style": asked.style,
                "questions": len(asked.questions), "samples": asked.samples,
            }  # fmt: skip
            answers = self._answer(asked)
        except Refused as refused:
            emit("inner.call", {**facts, "refused": refused.reason})
            return refusal(refused)
        calls = asked.samples * len(asked.questions)
        emit("inner.call", {**facts, "calls": calls, "refused": None})
        return ServiceReply(200, {"answers": answers, "calls": calls})

    def _answer(self, asked: _Asked) -> list[list[str]]:
        solver = self._solvers.get(asked.split)
        if solver is None:
            raise Refused(404, "unknown_split")
        if asked.style not in STYLES:
            raise Refused(400, "unknown_style")
        if any(question not in solver.answers for question in asked.questions):
            raise Refused(404, "unknown_question")
        wanted = Counter((asked.split, question) for question in asked.questions)
        allowed = self._allowance[asked.split]
        if any(self._used[key] + asked.samples * n > allowed for key, n in wanted.items()):
            raise Refused(429, "calls_exhausted")
        for key, n in wanted.items():
            self._used[key] += asked.samples * n
        return [
            [solver.sample(question, asked.style, i) for i in range(asked.samples)]
            for question in asked.questions
        ]


def _parse(request: ServiceRequest, granted: Collection[int], emit: Emit) -> _Asked:
    """The request's body. Raises Refused if it is not exactly what the endpoint takes."""
    body = metered_body_of(request, "answer", ("split", "style", "samples", "questions"), granted, emit)
    split, style, questions = body["split"], body["style"], body["questions"]
    if not isinstance(split, str) or not isinstance(style, str):
        raise Refused(400, "split_and_style_are_texts")
    samples = samples_of(body)
    if not isinstance(questions, list) or not all(isinstance(question, str) for question in questions):
        raise Refused(400, "questions_are_a_list_of_texts")
    return _Asked(split[:80], style[:80], samples, questions)
