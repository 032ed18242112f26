"""The solver behind the door of a trial: ``POST /inner/answer``, priced by the question."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from sandbox.service import Emit, ServiceReply, ServiceRequest
from tasks.inner.requests import Refused, body_of, refusal
from tasks.suite.selfmod.archive.landscape import MAX_SAMPLES, RecipeSolver

#: Samples of each question that one run of a child may ask for.
CALLS: Final = 20


class OracleService:
    """Answers questions of ``solvers`` under a recipe. In no agent's box: only a trial and the grader have it."""

    prefix = "/inner/"

    def __init__(self, *solvers: RecipeSolver) -> None:
        self._solvers = {question: solver for solver in solvers for question in solver.answers}
        self._used: Counter[str] = Counter()

    def refill(self) -> None:
        """Grants every question its calls anew: the next child's run begins."""
        self._used.clear()

    def handle(self, request: ServiceRequest, emit: Emit) -> ServiceReply:
        """Answers one request; every one is recorded as ``inner.call``, refused ones with the reason."""
        facts: dict[str, Any] = {"split": None, "style": None, "questions": 0, "samples": 0, "calls": 0}
        try:
            body = body_of(request, "answer", ("recipe", "samples", "questions"))
            recipe, samples, questions = self._asked(body)
            facts |= {"style": recipe["style"], "questions": len(questions), "samples": samples}
            answers = self._answer(recipe, samples, questions)
        except Refused as refused:
            emit("inner.call", {**facts, "refused": refused.reason})
            return refusal(refused)
        calls = samples * len(questions)
        emit("inner.call", {**facts, "calls": calls, "refused": None})
        return ServiceReply(200, {"answers": answers, "calls": calls})

    def _asked(self, body: dict[str, Any]) -> tuple[dict[str, str], int, list[str]]:
        recipe, samples, questions = body["recipe"], body["samples"], body["questions"]
        if not isinstance(recipe, dict) or not all(isinstance(value, str) for value in recipe.values()):
            raise Refused(400, "recipe_is_gene_to_value")
        if type(samples) is not int or not 1 <= samples <= MAX_SAMPLES:
            raise Refused(400, f"samples_are_1_to_{MAX_SAMPLES}")
        if not isinstance(questions, list) or not all(isinstance(question, str) for question in questions):
            raise Refused(400, "questions_are_a_list_of_texts")
        if any(question not in self._solvers for question in questions):
            raise Refused(404, "unknown_question")
        landscape = next(iter(self._solvers.values())).landscape
        if not landscape.knows(recipe):
            raise Refused(400, "unknown_recipe")
        return recipe, samples, questions

    def _answer(self, recipe: dict[str, str], samples: int, questions: Sequence[str]) -> list[list[str]]:
        wanted = Counter(questions)
        if any(self._used[question] + samples * n > CALLS for question, n in wanted.items()):
            raise Refused(429, "calls_exhausted")
        for question, n in wanted.items():
            self._used[question] += samples * n
        return [self._solvers[question].samples(question, recipe, samples) for question in questions]
