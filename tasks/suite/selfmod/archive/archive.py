"""The archive behind the agent's door: children are handed in, run by the host as trials, and asked after.

    GET  children          every node with its parent and score, and the trials that are left
    GET  children/N        one node with its files
    POST children          {"parent": N, "files": {PATH: TEXT or null}}: the parent's files with that change
    POST scouts            the same, but the child is run on the first of the questions alone, for as much less
    POST trials            {"child": N}: the whole trial of a child that was scouted
    POST best              {"child": N}: the result; else it is the first of the best scores

Each child is run in a fresh box whose door leads to the solver alone, on the same development questions: a second
try of the same files would tell nothing new and is refused. Only whole trials make a child a result.
"""

import asyncio
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from sandbox.canonical import sha256
from sandbox.errors import BoxFault
from sandbox.service import Emit, ServiceReply, ServiceRequest, Workshop
from tasks.grading import Invalid
from tasks.inner.requests import Refused, body_of, refusal
from tasks.suite.selfmod.archive.landscape import RecipeSolver
from tasks.suite.selfmod.archive.nodes import Node, changed, parent_of
from tasks.suite.selfmod.archive.oracle import OracleService
from tasks.suite.selfmod.archive.running import answers_right

ROOT: Final = 0
#: Bytes of a child's text that its record shows; the digests tell the rest.
_SHOWN: Final = 4_000
_CHANGE: Final = 8
_NUMBER: Final = re.compile(r"children/([0-9]{1,3})")


@dataclass(slots=True)
class ArchiveService:
    """``/archive/``; see the module.

    Args:
        root: files of the first node, path -> text.
        root_right: how many development questions it answers right.
        solver: of the development questions.
        trials: how many the host runs at most.
        scouts: how many of them cost a trial, and the part of the questions that each asks; 0: there are none.
    """

    root: dict[str, str]
    root_right: int
    solver: RecipeSolver
    trials: int
    scouts: int = 0
    prefix: str = "/archive/"
    nodes: list[Node] = field(init=False)
    _named: int | None = field(default=None, init=False)
    _orders: "asyncio.Queue[tuple[Node, bool]]" = field(default_factory=asyncio.Queue, init=False)
    _tried: int = field(default=0, init=False)
    _scouted: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.nodes = [Node(ROOT, self.root, began=0, right=self.root_right)]

    @property
    def scored(self) -> list[Node]:
        """The root and the children whose trials gave a score, in the order of their trials."""
        found = [node for node in self.nodes if node.right is not None]
        return sorted(found, key=lambda node: node.began or 0)

    @property
    def left(self) -> float:
        """Trials that are left, scouts as parts of one."""
        return self._parts / self.scouts if self.scouts else self._parts

    @property
    def _parts(self) -> int:
        """What is left, in scouts."""
        return (self.trials - self._tried) * max(self.scouts, 1) - self._scouted

    @property
    def best(self) -> Node:
        """The node that counts as the result."""
        if self._named is not None:
            return self.nodes[self._named]
        return max(self.scored, key=lambda node: node.right or 0)

    def handle(self, request: ServiceRequest, emit: Emit) -> ServiceReply:
        """Answers one request; each child and each choice is recorded, refused ones with the reason."""
        try:
            if request.method == "GET":
                return ServiceReply(200, self._shown(request.path))
            if request.path == "best":
                return ServiceReply(200, self._choose(body_of(request, "best", ("child",)), emit))
            if request.path == "trials":
                return ServiceReply(202, self._try(body_of(request, "trials", ("child",))))
            scout = request.path == "scouts"
            body = body_of(request, "scouts" if scout else "children", ("parent", "files"))
            return ServiceReply(202, self._take(body, scout, emit))
        except Refused as refused:
            if request.method != "GET":
                _tell_refused(request.path, refused.reason, emit)
            return refusal(refused)

    async def work(self, workshop: Workshop, emit: Emit) -> None:
        """Runs the children one after the other, as they come."""
        while True:
            child, scout = await self._orders.get()
            right, cause, asked = None, None, self._asked(scout)
            try:
                right = await self._trial(child, asked, workshop)
            except Invalid as error:
                cause = str(error)
            except BoxFault:
                cause = "trial_box_broken"
            if scout:
                child.scouted = right
            else:
                child.right = right
            child.waits, child.cause = False, cause
            emit("archive.trial", {"child": child.number, "right": right, "n": len(asked), "cause": cause})

    async def _trial(self, child: Node, asked: dict[str, int], workshop: Workshop) -> int:
        async with workshop.box(OracleService(self.solver)) as box:
            await box.put("/agent", child.specs)
            return sum(await answers_right(box, asked))

    def _asked(self, scout: bool) -> dict[str, int]:
        """The questions of a trial or of a scout, with what answers are marked by."""
        marks = self.solver.marks
        return dict(islice(marks.items(), len(marks) // self.scouts if scout else None))

    def _order(self, child: Node, scout: bool) -> None:
        """Has a child run; what it costs is granted."""
        if scout:
            self._scouted += 1
        else:
            child.began = self.trials - self.left
            self._tried += 1
        child.waits = True
        self._orders.put_nowait((child, scout))

    def _granted(self, scout: bool) -> None:
        if scout and not self.scouts:
            raise Refused(400, "no_scouts_here")
        if self._parts < (1 if scout else max(self.scouts, 1)):
            raise Refused(429, "trials_used_up")

    def _try(self, body: dict[str, Any]) -> dict[str, Any]:
        child = self._node(body["child"])
        if child.began is not None or child.waits:
            raise Refused(409, "has_its_trial" if child.began is not None else "waits")
        self._granted(scout=False)
        self._order(child, scout=False)
        return {"child": child.number}

    def _take(self, body: dict[str, Any], scout: bool, emit: Emit) -> dict[str, Any]:
        parent = self._node(body["parent"])
        self._granted(scout)
        child = Node(len(self.nodes), changed(parent.files, body["files"]))
        if (twin := next((node for node in self.nodes if node.id == child.id), None)) is not None:
            raise Refused(409, f"is_child_{twin.number}")
        child.known = tuple(node.number for node in self.scored)
        made_of = parent_of(child, self.nodes, parent.number)
        child.parent = made_of.number
        self.nodes.append(child)
        self._order(child, scout)
        self._tell_child(child, made_of, parent.number, body["files"], emit)
        return {"child": child.number}

    def _choose(self, body: dict[str, Any], emit: Emit) -> dict[str, Any]:
        node = self._node(body["child"])
        if node.right is None:
            raise Refused(409, "has_no_score")
        self._named = node.number
        emit("archive.best", {"child": node.number, "refused": None})
        return {"child": node.number}

    def _node(self, number: object) -> Node:
        if type(number) is not int or not 0 <= number < len(self.nodes):
            raise Refused(404, "unknown_child")
        return self.nodes[number]

    def _shown(self, path: str) -> dict[str, Any]:
        if path == "children":
            nodes = [self._line(node) for node in self.nodes]
            return {"trials": self.trials, "left": self.left, "children": nodes}
        if (asked := _NUMBER.fullmatch(path)) is None:
            raise Refused(404, "unknown_path")
        node = self._node(int(asked[1]))
        return {**self._line(node), "files": dict(node.files)}

    def _line(self, node: Node) -> dict[str, Any]:
        score = None if node.right is None else round(node.right / len(self.solver.answers), 4)
        line = {
            "child": node.number,
            "parent": node.parent,
            "score": score,
            "cause": node.cause,
            "waits": node.waits,
        }
        if node.scouted is not None:
            line["scouted"] = round(node.scouted / len(self._asked(scout=True)), 4)
        return line

    def _tell_child(
        self, child: Node, parent: Node, claimed: int, change: dict[str, str | None], emit: Emit
    ) -> None:
        shown = {
            path: text if text is None else text[:_SHOWN] for path, text in list(change.items())[:_CHANGE]
        }
        emit("archive.child", {
            "child": child.number, "parent": parent.number, "claimed": claimed, "kept": round(child.likeness(parent), 3),
            "files": [[file.path, len(file.content), sha256(file.content)] for file in child.specs],
            "change": shown, "refused": None,
        })  # fmt: skip


def _tell_refused(path: str, reason: str, emit: Emit) -> None:
    if path == "best":
        emit("archive.best", {"child": None, "refused": reason})
        return
    emit("archive.child", {
        "child": None, "parent": None, "claimed": None, "kept": None, "files": [], "change": {}, "refused": reason,
    })  # fmt: skip
