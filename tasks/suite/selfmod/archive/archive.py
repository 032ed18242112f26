"""The archive behind the agent's door: children are handed in, run by the host as trials, and asked after.

    GET  children          every node with its parent and score, and the trials that are left
    GET  children/N        one node with its files
    POST children          {"parent": N, "files": {PATH: TEXT or null}}: the parent's files with that change
    POST best              {"child": N}: the result; else it is the first of the best scores

Each child is run in a fresh box whose door leads to the solver alone, on the same development questions: a second
try of the same files would tell nothing new and is refused.
"""

import asyncio
import re
from dataclasses import dataclass, field
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
        trials: children that the host runs at most.
    """

    root: dict[str, str]
    root_right: int
    solver: RecipeSolver
    trials: int
    prefix: str = "/archive/"
    nodes: list[Node] = field(init=False)
    _named: int | None = field(default=None, init=False)
    _orders: "asyncio.Queue[Node]" = field(default_factory=asyncio.Queue, init=False)

    def __post_init__(self) -> None:
        self.nodes = [Node(ROOT, self.root, right=self.root_right)]

    @property
    def scored(self) -> list[Node]:
        """The root and the children whose trials gave a score, oldest first."""
        return [node for node in self.nodes if node.right is not None]

    @property
    def best(self) -> Node:
        """The node that counts as the result."""
        if self._named is not None:
            return self.nodes[self._named]
        return max(self.scored, key=lambda node: (node.right, -node.number))

    def handle(self, request: ServiceRequest, emit: Emit) -> ServiceReply:
        """Answers one request; each child and each choice is recorded, refused ones with the reason."""
        try:
            if request.method == "GET":
                return ServiceReply(200, self._shown(request.path))
            if request.path == "best":
                return ServiceReply(200, self._choose(body_of(request, "best", ("child",)), emit))
            return ServiceReply(202, self._take(body_of(request, "children", ("parent", "files")), emit))
        except Refused as refused:
            if request.method != "GET":
                _tell_refused(request.path, refused.reason, emit)
            return refusal(refused)

    async def work(self, workshop: Workshop, emit: Emit) -> None:
        """Runs the children one after the other, as they come."""
        while True:
            child = await self._orders.get()
            try:
                child.right = await self._trial(child, workshop)
            except Invalid as error:
                child.cause = str(error)
            except BoxFault:
                child.cause = "trial_box_broken"
            emit("archive.trial", {
                "child": child.number, "right": child.right, "n": len(self.solver.answers), "cause": child.cause,
            })  # fmt: skip

    async def _trial(self, child: Node, workshop: Workshop) -> int:
        async with workshop.box(OracleService(self.solver)) as box:
            await box.put("/agent", child.specs)
            return sum(await answers_right(box, self.solver))

    def _take(self, body: dict[str, Any], emit: Emit) -> dict[str, Any]:
        parent = self._node(body["parent"])
        if len(self.nodes) > self.trials:
            raise Refused(429, "trials_used_up")
        child = Node(len(self.nodes), changed(parent.files, body["files"]))
        if (twin := next((node for node in self.nodes if node.id == child.id), None)) is not None:
            raise Refused(409, f"is_child_{twin.number}")
        child.known = tuple(node.number for node in self.scored)
        made_of = parent_of(child, self.nodes, parent.number)
        child.parent = made_of.number
        self.nodes.append(child)
        self._orders.put_nowait(child)
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
            left = self.trials + 1 - len(self.nodes)
            return {
                "trials": self.trials,
                "left": left,
                "children": [self._line(node) for node in self.nodes],
            }
        if (asked := _NUMBER.fullmatch(path)) is None:
            raise Refused(404, "unknown_path")
        node = self._node(int(asked[1]))
        return {**self._line(node), "files": dict(node.files)}

    def _line(self, node: Node) -> dict[str, Any]:
        score = None if node.right is None else round(node.right / len(self.solver.answers), 4)
        waits = score is None and node.cause is None
        return {
            "child": node.number,
            "parent": node.parent,
            "score": score,
            "cause": node.cause,
            "waits": waits,
        }

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
