"""Fake boxes in which a parent and a child answer questions with the chat solver, for tests of graders."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.box import Completed
from sandbox.fake import FakeBox
from sandbox.files import Collection, FileSpec
from sandbox.service import Service, ServiceRequest
from tasks.grading import Submission
from tasks.inner.chat_service import ChatService

PARENT, CHILD = (FileSpec("parent", b""),), (FileSpec("child", b""),)
SUBMISSION = Submission(Collection({}), Collection({}), PARENT, CHILD)

#: Answers one question of a split, with the solver's service or without.
Answer = Callable[[ChatService, str, str], str]


def replied(service: ChatService, split: str, *contents: str) -> str:
    """The solver's one reply to a conversation: the user's words, and in turn the solver's."""
    roles = ("user", "assistant")
    chat = [{"role": roles[i % 2], "content": content} for i, content in enumerate(contents)]
    body = json.dumps({"split": split, "samples": 1, "chats": [chat]}).encode()
    reply = service.handle(ServiceRequest("POST", "chat", body), lambda kind, data: None)
    return str(reply.value["replies"][0][0]).removeprefix("Answer: ")


def plain(service: ChatService, split: str, question: str) -> str:
    """The solver's first word on the question as it is."""
    return replied(service, split, question)


@dataclass
class Bench:
    """``tasks.grading.Bench``: the parent asks once in plain and the child is ``child``.

    ``otherwise``: what any program but the answering tool does in the child's box; its exit code.
    """

    child: Answer
    otherwise: Callable[[FakeBox, Sequence[str]], int] = lambda box, argv: 1
    parent: Answer = plain
    #: Who was asked what, in order.
    runs: list[str] = field(default_factory=list)
    #: The last event of each kind.
    events: dict[str, dict[str, Any]] = field(default_factory=dict)

    @asynccontextmanager
    async def box(self, *services: Service) -> AsyncIterator[FakeBox]:
        """A box whose programs are those of the parent or of the child, whichever was laid out last."""
        (service,) = services
        assert isinstance(service, ChatService)

        async def run(box: FakeBox, argv: Sequence[str]) -> Completed:
            code = 0
            if argv[0] == "bash":
                box.files = {
                    path: file for path, file in box.files.items() if path.startswith("/logs/verifier/")
                }
            elif argv[1] == "/agent/tools/answer.py":
                self._answer(box, service)
            else:
                code = self.otherwise(box, argv)
            return Completed(code, None, b"", b"")

        yield FakeBox(run)

    def _answer(self, box: FakeBox, service: ChatService) -> None:
        asked = json.loads(box.files["/work/questions.json"].content)
        who = "parent" if "/agent/parent" in box.files else "child"
        self.runs.append(f"{who} {asked['split']}")
        answer = self.parent if who == "parent" else self.child
        given = [answer(service, asked["split"], question) for question in asked["questions"]]
        box.files["/work/answers.json"] = FileSpec("/work/answers.json", json.dumps(given).encode())

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        """Keeps an event."""
        json.dumps(data, allow_nan=False)
        self.events[kind] = data
