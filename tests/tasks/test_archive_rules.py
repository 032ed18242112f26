"""selfmod/archive: what the archive takes, whose child a child is, and what the tree is worth."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.box import Box, BoxRequest, Completed
from sandbox.errors import GradingFault
from sandbox.fake import FakeBox, FakeBoxes, Program
from sandbox.files import FileSpec
from sandbox.limits import Limits
from sandbox.service import Service, ServiceRequest
from tasks.suite.selfmod.archive.archive import ArchiveService
from tasks.suite.selfmod.archive.landscape import GENES, Landscape, RecipeSolver
from tasks.suite.selfmod.archive.measure import Measured, clades, parent_skill, worth
from tasks.suite.selfmod.archive.nodes import MAX_BYTES, Node, parent_of
from tasks.suite.selfmod.archive.oracle import OracleService
from tasks.suite.selfmod.archive.search import search
from tasks.suite.selfmod.archive.world import LEVELS
from tasks.task import load_task

ARCHIVE = load_task("selfmod/archive")
PLAIN = Landscape({"style": {"plain": 0.0, "steps": 0.2}}, {"style": "steps"})
SOLVER = RecipeSolver(bytes(32), PLAIN, {f"q{i}": 100 + i for i in range(20)})
ROOT = {"answer.py": "one\ntwo\nthree\nfour\n", "recipe.json": "plain\n"}


def archive(trials: int = 3) -> ArchiveService:
    return ArchiveService(dict(ROOT), 5, SOLVER, trials)


def ask(
    service: Service, method: str, path: str, body: object = None
) -> tuple[int, Any, list[dict[str, Any]]]:
    told: list[dict[str, Any]] = []
    data = b"" if body is None else json.dumps(body).encode()
    reply = service.handle(ServiceRequest(method, path, data), lambda kind, facts: told.append(facts))
    return reply.status, reply.value, told


def hand_in(service: Service, parent: object, files: object) -> tuple[int, Any]:
    return ask(service, "POST", "children", {"parent": parent, "files": files})[:2]


def measured(number: int, parent: int | None, right: int, development: int = 0) -> Measured:
    """A node that answers ``right`` of four held-out questions; every older node had a score."""
    return Measured(
        number, parent, tuple(range(number)), development, [i < right for i in range(4)], max(number - 1, 0)
    )


# -- what the archive takes -----------------------------------------------------------------------


def test_a_child_is_its_parents_files_with_a_change() -> None:
    service = archive()
    assert hand_in(service, 0, {"recipe.json": "steps\n", "more.txt": "x"}) == (202, {"child": 1})
    assert hand_in(service, 1, {"more.txt": None}) == (202, {"child": 2})
    _, shown, _ = ask(service, "GET", "children/2")
    assert shown == {
        "child": 2, "parent": 1, "score": None, "cause": None, "waits": True,
        "files": {"answer.py": ROOT["answer.py"], "recipe.json": "steps\n"},
    }  # fmt: skip


def test_the_root_has_its_score_before_anything_was_tried() -> None:
    _, shown, _ = ask(archive(), "GET", "children")
    assert shown == {
        "trials": 3, "left": 3,
        "children": [{"child": 0, "parent": None, "score": 0.25, "cause": None, "waits": False}],
    }  # fmt: skip


def test_the_same_files_again_and_a_trial_too_many_are_refused() -> None:
    service = archive(trials=2)
    assert hand_in(service, 0, {})[1]["error"]["code"] == "is_child_0"
    assert hand_in(service, 0, {"a": "1"})[0] == 202
    assert hand_in(service, 1, {"b": "1", "a": None})[0] == 202
    assert hand_in(service, 0, {"a": "1"})[1]["error"]["code"] == "trials_used_up"
    assert ask(service, "GET", "children")[1]["left"] == 0


@pytest.mark.parametrize(
    ("parent", "files", "reason"),
    [
        (1, {}, "unknown_child"),
        (-1, {}, "unknown_child"),
        (True, {}, "unknown_child"),
        (0, [], "files_are_path_to_text_or_null"),
        (0, {"a": 1}, "files_are_path_to_text_or_null"),
        (0, {"../a": ""}, "path_not_allowed"),
        (0, {"/a": ""}, "path_not_allowed"),
        (0, {"a/../b": ""}, "path_not_allowed"),
        (0, {"answer.py/x": ""}, "at_most_16_files_none_within_another"),
        (0, {f"f{i}": "" for i in range(15)}, "at_most_16_files_none_within_another"),
        (0, {"a": "x" * MAX_BYTES}, "at_most_32768_bytes_and_2000_lines"),
        (0, {"a": "\n" * 2_001}, "at_most_32768_bytes_and_2000_lines"),
        (0, {"a": "\ud800"}, "text_is_not_unicode"),
    ],
)
def test_what_is_no_change_is_refused_by_name_and_recorded(
    parent: object, files: object, reason: str
) -> None:
    status, value, told = ask(archive(), "POST", "children", {"parent": parent, "files": files})
    assert (value["error"]["code"], 400 <= status < 500) == (reason, True)
    assert [(event["child"], event["refused"]) for event in told] == [(None, reason)]


def test_only_a_node_with_a_score_can_be_the_result_and_else_it_is_the_first_of_the_best() -> None:
    service = archive()
    hand_in(service, 0, {"a": "1"})
    hand_in(service, 0, {"a": "2"})
    assert ask(service, "POST", "best", {"child": 1})[1]["error"]["code"] == "has_no_score"
    service.nodes[1].right = service.nodes[2].right = 9
    assert service.best.number == 1
    assert ask(service, "POST", "best", {"child": 2})[2] == [{"child": 2, "refused": None}]
    assert service.best.number == 2


# -- cheap and noisy, or dear and precise ----------------------------------------------------------


def scouting(trials: int = 2) -> ArchiveService:
    """Four scouts cost a trial."""
    return ArchiveService(dict(ROOT), 5, SOLVER, trials, scouts=4)


def test_a_scout_costs_a_part_of_a_trial_and_a_whole_trial_the_rest() -> None:
    service = scouting()
    for name in "abc":
        assert ask(service, "POST", "scouts", {"parent": 0, "files": {name: "1"}})[0] == 202
    assert ask(service, "GET", "children")[1]["left"] == 1.25
    assert hand_in(service, 0, {"d": "1"})[0] == 202
    assert hand_in(service, 0, {"e": "1"})[1]["error"]["code"] == "trials_used_up"
    assert ask(service, "POST", "scouts", {"parent": 0, "files": {"e": "1"}})[0] == 202
    assert (
        ask(service, "POST", "scouts", {"parent": 0, "files": {"f": "1"}})[1]["error"]["code"]
        == "trials_used_up"
    )


def test_a_scout_asks_the_first_questions_alone_and_makes_no_result_until_its_trial() -> None:
    asked: list[int] = []

    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        questions = json.loads(box.files["/work/questions.json"].content)["questions"]
        asked.append(len(questions))
        answers = json.dumps([str(100 + int(question[1:])) for question in questions])
        box.files["/work/answers.json"] = FileSpec("work/answers.json", answers.encode())
        return Completed(0, None, b"", b"")

    def scouted() -> None:
        node = ask(service, "GET", "children")[1]["children"][1]
        assert (asked, node["scouted"], node["score"], node["waits"]) == ([5], 1.0, None, False)
        assert ([one.number for one in service.scored], service.best.number) == ([0], 0)
        assert ask(service, "POST", "best", {"child": 1})[1]["error"]["code"] == "has_no_score"
        assert ask(service, "POST", "trials", {"child": 1})[:2] == (202, {"child": 1})

    service = scouting()
    ask(service, "POST", "scouts", {"parent": 0, "files": {"a": "1"}})
    assert ask(service, "POST", "trials", {"child": 1})[1]["error"]["code"] == "waits"
    worked(service, program, scouted)
    assert (asked, service.best.number, service.best.began, service.left) == ([5, 20], 1, 0.25, 0.75)
    assert ask(service, "POST", "trials", {"child": 1})[1]["error"]["code"] == "has_its_trial"


def test_trials_count_in_their_order_and_what_scouts_cost_before_them_is_time_lost() -> None:
    service = scouting(trials=3)
    for name in "ab":
        ask(service, "POST", "scouts", {"parent": 0, "files": {name: "1"}})
    service.nodes[1].waits = service.nodes[2].waits = False
    ask(service, "POST", "trials", {"child": 2})
    ask(service, "POST", "trials", {"child": 1})
    service.nodes[1].right, service.nodes[2].right = 9, 9
    assert [node.number for node in service.scored] == [0, 2, 1]
    assert service.best.number == 2
    assert [node.began for node in service.scored] == [0, 0.5, 1.5]


def test_a_trial_that_gave_no_score_is_time_lost() -> None:
    service = archive()
    for name in "ab":
        hand_in(service, 0, {name: "1"})
    service.nodes[2].right = 9
    second = replace(measured(2, 0, 4, 9), began=service.nodes[2].began)
    assert worth([measured(0, None, 0, 1), second], 2, optimum=1.0, trials=2).area == pytest.approx(0.5)


def test_where_there_are_no_scouts_they_are_refused_by_name() -> None:
    assert (
        ask(archive(), "POST", "scouts", {"parent": 0, "files": {"a": "1"}})[1]["error"]["code"]
        == "no_scouts_here"
    )
    assert ARCHIVE.draw(bytes(32), "L2", "plain").hidden.archive.scouts == 0
    assert ARCHIVE.draw(bytes(32), "L3", "plain").hidden.archive.scouts == 4


# -- whose child a child is -----------------------------------------------------------------------


def test_a_child_made_of_another_nodes_files_is_that_nodes_whatever_is_claimed() -> None:
    nodes = [Node(0, {"a": "1\n2\n3\n4"}), Node(1, {"a": "5\n6\n7\n8"})]
    assert parent_of(Node(2, {"a": "5\n6\n7\n9"}), nodes, 0).number == 1
    assert parent_of(Node(2, {"a": "1\n2\n7\n8"}), nodes, 0).number == 0
    assert parent_of(Node(2, {"a": "1\n2\n7\n8"}), nodes, 1).number == 1


def test_what_is_like_no_node_is_the_claimed_parents() -> None:
    nodes = [Node(0, {"a": "1"}), Node(1, {"a": "2"})]
    assert parent_of(Node(2, {"a": "9"}), nodes, 1).number == 1


# -- the host runs the children -------------------------------------------------------------------


class Boxes:
    """A workshop of boxes in memory."""

    def __init__(self, program: Program) -> None:
        self._boxes = FakeBoxes(program)
        self.opened = 0

    @contextlib.asynccontextmanager
    async def box(self, *services: Service) -> AsyncIterator[Box]:
        self.opened += 1
        async with self._boxes.open(BoxRequest("trial", Limits(), True)) as box:
            yield box


def worked(service: ArchiveService, program: Program, *then: Callable[[], object]) -> Boxes:
    """Lets the service work until no child waits, then does the next thing, and so on."""
    boxes = Boxes(program)

    async def main() -> None:
        work = asyncio.create_task(service.work(boxes, lambda kind, data: None))
        for step in (lambda: None, *then):
            step()
            while any(node.waits for node in service.nodes) and not work.done():
                await asyncio.sleep(0.001)
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work

    asyncio.run(main())
    return boxes


def test_each_child_runs_once_in_a_box_of_its_own_and_an_unusable_one_has_a_cause() -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        recipe = box.files["/agent/recipe.json"].content
        if recipe == b"dies":
            box.die()
            await asyncio.sleep(600)
        answers = b'["100", 101, 0' + b", 0" * 17 + b"]" if recipe == b"good" else b"{}"
        box.files["/work/answers.json"] = FileSpec("work/answers.json", answers)
        return Completed(3 if recipe == b"fails" else 0, None, b"", b"")

    service = archive(trials=4)
    for recipe in ("good", "fails", "dies", "else"):
        hand_in(service, 0, {"recipe.json": recipe})
    assert worked(service, program).opened == 4
    assert [(node.right, node.cause) for node in service.nodes[1:]] == [
        (2, None), (None, "answer_failed"), (None, "trial_box_broken"), (None, "answers_not_a_list_of_texts"),
    ]  # fmt: skip
    assert [node.number for node in service.scored] == [0, 1]


def test_a_fault_of_the_host_is_no_result_of_the_childs() -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        raise GradingFault("the engine killed it", "engine")

    service = archive()
    hand_in(service, 0, {"a": "1"})
    with pytest.raises(GradingFault):
        worked(service, program)
    assert (service.nodes[1].right, service.nodes[1].cause) == (None, None)


# -- what the tree is worth -----------------------------------------------------------------------


def test_gain_is_the_results_area_the_best_so_fars_over_all_granted_trials() -> None:
    nodes = [measured(0, None, 1, 10), measured(1, 0, 0, 9), measured(2, 0, 2, 20), measured(3, 2, 3, 15)]
    found = worth(nodes, 3, optimum=1.0, trials=5)
    assert found.gain == pytest.approx(2 / 3)
    # The root, then node 2 from the second trial on: node 3 never leads by its development score.
    assert found.area == pytest.approx((0 + 4 * (1 / 3)) / 5)
    assert found.y == pytest.approx(0.6 * found.gain + 0.2 * found.area + 0.2 * found.skill)


def test_an_archive_without_children_is_worth_nothing() -> None:
    found = worth([measured(0, None, 1)], 0, optimum=1.0, trials=5)
    assert (found.y, found.se) == (0.0, 0.0)


def test_a_clade_pools_a_node_and_all_its_descendants() -> None:
    nodes = [measured(0, None, 0), measured(1, 0, 4), measured(2, 1, 2), measured(3, 0, 0)]
    assert clades(nodes) == {0: 6 / 16, 1: 3 / 4, 2: 1 / 2, 3: 0.0}


def test_always_the_most_productive_clade_is_skill_one_and_the_least_is_none() -> None:
    up = [measured(0, None, 1), measured(1, 0, 2), measured(2, 1, 3), measured(3, 2, 4)]
    assert parent_skill(up) == pytest.approx(1.0)
    worst = [measured(0, None, 2), measured(1, 0, 0), measured(2, 1, 0), measured(3, 2, 0)]
    assert parent_skill(worst) == 0.0
    assert parent_skill(up[:2]) == 0.0


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4)), max_size=8))
def test_skill_is_never_above_one(drawn: list[tuple[int, int]]) -> None:
    nodes = [measured(0, None, 2)]
    for place, (parent, right) in enumerate(drawn, 1):
        nodes.append(measured(place, parent % place, right))
    assert 0.0 <= parent_skill(nodes) <= 1.0


# -- the world ------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["L0", "L2"])
def test_the_reference_finds_the_best_recipe_within_its_trials(level: str) -> None:
    knobs = LEVELS[level]
    for index in range(4):
        hidden = ARCHIVE.draw(sha256(f"world {index}".encode()).digest(), level, "plain").hidden
        nodes, best = search(hidden.development, hidden.heldout, knobs.phases)
        assert len(nodes) <= knobs.trials + 1
        assert nodes[best].accuracy == hidden.optimum
        assert worth(nodes, best, hidden.optimum, knobs.trials).gain == 1.0


def test_in_a_deceptive_world_going_on_from_the_best_one_change_at_a_time_ends_too_low() -> None:
    for index in range(4):
        hidden = ARCHIVE.draw(sha256(f"world {index}".encode()).digest(), "L2", "plain").hidden
        nodes, best = search(
            hidden.development, hidden.heldout, (("votes",), ("style",), ("order",), ("style",))
        )
        assert worth(nodes, best, hidden.optimum, 20).gain < 0.6


def test_the_solver_answers_known_questions_under_known_recipes_within_their_price() -> None:
    service = OracleService(SOLVER)

    def answer(recipe: object, samples: object, questions: object) -> tuple[int, Any]:
        body = {"recipe": recipe, "samples": samples, "questions": questions}
        return ask(service, "POST", "answer", body)[:2]

    assert answer({"style": "steps"}, 15, ["q0"])[1]["calls"] == 15
    assert answer({"style": "steps"}, 6, ["q0"])[1]["error"]["code"] == "calls_exhausted"
    assert answer({"style": "steps"}, 15, ["q1"])[0] == 200
    for recipe in ({"style": "brief"}, {}, {"style": "plain", "order": "long"}):
        assert answer(recipe, 1, ["q2"])[1]["error"]["code"] == "unknown_recipe"
    assert answer({"style": "plain"}, 1, ["q99"])[1]["error"]["code"] == "unknown_question"
    service.refill()
    assert answer({"style": "steps"}, 20, ["q0"])[0] == 200


def test_a_majority_answers_what_is_understood_and_never_what_is_not() -> None:
    answers = {f"question {i}": i for i in range(100)}
    solver = RecipeSolver(b"salt", Landscape({"style": {"plain": 0.0}}, {"style": "plain"}), answers)
    assert sum(solver.right({"style": GENES["style"][0]}, 20)) == 42
