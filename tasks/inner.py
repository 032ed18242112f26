"""The weak inner solver: deterministic, offline, and better in one style than in the others.

It stands in for a weak language model inside an agent's own tool. In each style a fixed share of
the questions is misunderstood (always the same wrong answer: voting does not help); the other
questions are answered right with a fixed chance a sample and otherwise with a slip that differs
from sample to sample (voting helps). All of it is drawn by HMAC from a salt, one for each split.
"""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sandbox.service import Emit, ServiceReply, ServiceRequest

STYLES: Final = ("plain", "steps", "check", "chart", "proof", "brief")
#: What the seed scaffold asks in; it is never the best.
FIRST_STYLE: Final = "plain"
#: Share of the questions that a style misunderstands.
MISUNDERSTOOD_BEST: Final = 0.12
MISUNDERSTOOD_FIRST: Final = 0.60
MISUNDERSTOOD_OTHER: Final = 0.74
#: Chance that a sample is right where the question is understood.
RIGHT_SAMPLE: Final = 0.55
#: Largest number of samples a question in one request.
MAX_SAMPLES: Final = 20
_MAX_BODY: Final = 256 * 1024
_SLIPS: Final[tuple[int, ...]] = (*range(-9, 0), *range(1, 10))


@dataclass(frozen=True)
class WeakSolver:
    """The solver of one split: a pure function of its fields.

    Args:
        salt: the split's secret.
        best: the style it understands best.
        answers: the right answer of every question of the split.
    """

    salt: bytes
    best: str
    answers: Mapping[str, int]

    def sample(self, question: str, style: str, index: int) -> str:
        """Sample ``index`` of a question. Raises KeyError for a question or style it does not know."""
        right = self.answers[question]
        if question in self._misunderstood[style]:
            return str(right + self._slip("misunderstood", style, question))
        if self._uniform("right", style, question, index) < RIGHT_SAMPLE:
            return str(right)
        return str(right + self._slip("slip", style, question, index))

    def voted(self, question: str, style: str, samples: int) -> str:
        """The most frequent of the first ``samples`` answers; of several, the one given first."""
        return Counter(self.sample(question, style, i) for i in range(samples)).most_common(1)[0][0]

    def accuracy(self, style: str, samples: int) -> float:
        """The share of the split's questions that a vote over ``samples`` answers gets right."""
        right = sum(self.voted(question, style, samples) == str(a) for question, a in self.answers.items())
        return right / len(self.answers)

    @cached_property
    def _misunderstood(self) -> dict[str, frozenset[str]]:
        shares = {style: MISUNDERSTOOD_OTHER for style in STYLES}
        shares |= {FIRST_STYLE: MISUNDERSTOOD_FIRST, self.best: MISUNDERSTOOD_BEST}
        return {
            style: self._lowest(style, round(share * len(self.answers))) for style, share in shares.items()
        }

    def _lowest(self, style: str, n: int) -> frozenset[str]:
        # An exact share, not one coin a question: worlds are then equally hard.
        drawn = sorted(self.answers, key=lambda question: self._uniform("share", style, question))
        return frozenset(drawn[:n])

    def _slip(self, *what: str | int) -> int:
        return _SLIPS[int(self._uniform(*what) * len(_SLIPS))]

    def _uniform(self, *what: str | int) -> float:
        """A number in [0, 1) drawn by HMAC-SHA-256 from the salt."""
        drawn = hmac.digest(self.salt, json.dumps(what).encode(), hashlib.sha256)
        return int.from_bytes(drawn[:6]) / 2**48


class _Refused(Exception):
    """Why a request is not answered: HTTP status and a stable name."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


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

    def handle(self, request: ServiceRequest, emit: Emit) -> ServiceReply:
        """Answers one request; every one is recorded as ``inner.call``, refused ones with the reason."""
        facts: dict[str, Any] = {"split": None, "style": None, "questions": 0, "samples": 0, "calls": 0}
        try:
            asked = _parse(request)
            facts |= {
                "split": asked.split, "style": asked.style,
                "questions": len(asked.questions), "samples": asked.samples,
            }  # fmt: skip
            answers = self._answer(asked)
        except _Refused as refused:
            emit("inner.call", {**facts, "refused": refused.reason})
            error = {"code": refused.reason, "message": refused.reason}
            return ServiceReply(refused.status, {"error": error})
        calls = asked.samples * len(asked.questions)
        emit("inner.call", {**facts, "calls": calls, "refused": None})
        return ServiceReply(200, {"answers": answers, "calls": calls})

    def _answer(self, asked: _Asked) -> list[list[str]]:
        solver = self._solvers.get(asked.split)
        if solver is None:
            raise _Refused(404, "unknown_split")
        if asked.style not in STYLES:
            raise _Refused(400, "unknown_style")
        if any(question not in solver.answers for question in asked.questions):
            raise _Refused(404, "unknown_question")
        wanted = Counter((asked.split, question) for question in asked.questions)
        allowed = self._allowance[asked.split]
        if any(self._used[key] + asked.samples * n > allowed for key, n in wanted.items()):
            raise _Refused(429, "calls_exhausted")
        for key, n in wanted.items():
            self._used[key] += asked.samples * n
        return [
            [solver.sample(question, asked.style, i) for i in range(asked.samples)]
            for question in asked.questions
        ]


def _parse(request: ServiceRequest) -> _Asked:
    """The request's body. Raises _Refused if it is not exactly what the endpoint takes."""
    if request.method != "POST" or request.path != "answer":
        raise _Refused(404, "unknown_path")
    if len(request.body) > _MAX_BODY:
        raise _Refused(413, "too_large")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise _Refused(400, "not_json") from error
    if not isinstance(body, dict) or set(body) != {"split", "style", "samples", "questions"}:
        raise _Refused(400, "needs_split_style_samples_questions")
    split, style, samples, questions = body["split"], body["style"], body["samples"], body["questions"]
    if not isinstance(split, str) or not isinstance(style, str):
        raise _Refused(400, "split_and_style_are_texts")
    if type(samples) is not int or not 1 <= samples <= MAX_SAMPLES:
        raise _Refused(400, f"samples_are_1_to_{MAX_SAMPLES}")
    if not isinstance(questions, list) or not all(isinstance(question, str) for question in questions):
        raise _Refused(400, "questions_are_a_list_of_texts")
    return _Asked(split[:80], style[:80], samples, questions)
