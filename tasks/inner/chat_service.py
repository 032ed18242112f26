"""The chat solver behind the door: ``POST /inner/chat``, priced by the call and by the word."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.service import Emit, ServiceReply, ServiceRequest
from tasks.inner.chat import TICKET, ChatSolver, Message
from tasks.inner.requests import Refused, metered_body_of, refusal, samples_of

ROLES: Final = ("system", "user", "assistant")
#: Bounds of one request: conversations, messages of one, and samples of all together.
MAX_CHATS: Final = 400
MAX_MESSAGES: Final = 40
MAX_DRAWN: Final = 2_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What each ticket of a split may cost.

    ``calls``: samples. ``words``: of the conversation as far as it was seen and of the reply, for each sample.
    """

    calls: int
    words: int


@dataclass(frozen=True, slots=True)
class _Chat:
    """A conversation, its ticket and what it costs."""

    ticket: str
    messages: Sequence[Message]


@dataclass(frozen=True, slots=True)
class _Answered:
    replies: list[list[str]]
    calls: int
    words: int


class ChatService:
    """Answers conversations, each about one ticket.

    Args:
        solvers: split -> its solver; another split does not exist here.
        allowance: split -> what each ticket of it may cost.
    """

    prefix = "/inner/"

    def __init__(self, solvers: Mapping[str, ChatSolver], allowance: Mapping[str, Allowance]) -> None:
        self._solvers, self._allowance = solvers, allowance
        self._calls: Counter[tuple[str, str]] = Counter()
        self._words: Counter[tuple[str, str]] = Counter()

    def refill(self) -> None:
        """Grants every ticket its calls and words anew: the next scaffold's run begins."""
        self._calls.clear()
        self._words.clear()

    def asked(self, split: str) -> frozenset[str]:
        """Tickets of a split that the solver was asked about since the last ``refill``."""
        return frozenset(ticket for of, ticket in self._calls if of == split)

    def handle(self, request: ServiceRequest, emit: Emit) -> ServiceReply:
        """Answers one request; every one is recorded as ``inner.chat``, refused ones with the reason."""
        facts: dict[str, Any] = {"split": None, "chats": 0, "samples": 0, "calls": 0, "words": 0}
        try:
            granted = {n for one in self._allowance.values() for n in (one.calls, one.words)}
            body = metered_body_of(request, "chat", ("split", "samples", "chats"), granted, emit)
            split, samples = body["split"], samples_of(body)
            if not isinstance(split, str):
                raise Refused(400, "split_is_a_text")
            facts |= {"split": split[:80], "samples": samples}
            solver = self._solvers.get(split)
            if solver is None:
                raise Refused(404, "unknown_split")
            chats = [_chat(one, solver) for one in _bounded(body["chats"], samples)]
            facts |= {"chats": len(chats)}
            answered = self._answer(split, solver, chats, samples)
        except Refused as refused:
            emit("inner.chat", {**facts, "refused": refused.reason})
            return refusal(refused)
        facts |= {"calls": answered.calls, "words": answered.words}
        emit("inner.chat", {**facts, "refused": None})
        return ServiceReply(
            200, {"replies": answered.replies, "calls": answered.calls, "words": answered.words}
        )

    def _answer(self, split: str, solver: ChatSolver, chats: Sequence[_Chat], samples: int) -> _Answered:
        granted = self._allowance[split]
        calls = Counter[tuple[str, str]]()
        for chat in chats:
            calls[split, chat.ticket] += samples
        if any(self._calls[key] + n > granted.calls for key, n in calls.items()):
            raise Refused(429, "calls_exhausted")
        replies = [solver.replies(chat.messages, samples) for chat in chats]
        words = Counter[tuple[str, str]]()
        for chat, said in zip(chats, replies, strict=True):
            seen = sum(len(message.content.split()) for message in solver.seen(chat.messages))
            words[split, chat.ticket] += samples * seen + sum(len(reply.split()) for reply in said)
        if any(self._words[key] + n > granted.words for key, n in words.items()):
            raise Refused(429, "words_exhausted")
        self._calls += calls
        self._words += words
        return _Answered(replies, calls.total(), words.total())


def _bounded(chats: object, samples: int) -> list[object]:
    if not isinstance(chats, list) or not 1 <= len(chats) <= MAX_CHATS:
        raise Refused(400, f"chats_are_1_to_{MAX_CHATS}")
    if len(chats) * samples > MAX_DRAWN:
        raise Refused(400, f"chats_times_samples_are_at_most_{MAX_DRAWN}")
    return chats


def _chat(given: object, solver: ChatSolver) -> _Chat:
    """A conversation as it was sent. Raises Refused if it is none, or is not about one ticket of the split."""
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_MESSAGES:
        raise Refused(400, f"a_chat_is_1_to_{MAX_MESSAGES}_messages")
    messages = [_message(one) for one in given]
    named = {ticket for message in messages for ticket in TICKET.findall(message.content)}
    if len(named) != 1:
        raise Refused(400, "a_chat_is_about_one_ticket")
    (ticket,) = named
    if ticket not in solver.by_ticket:
        raise Refused(404, "unknown_ticket")
    return _Chat(ticket, messages)


def _message(given: object) -> Message:
    if not isinstance(given, dict) or set(given) != {"role", "content"}:
        raise Refused(400, "a_message_has_role_and_content")
    if given["role"] not in ROLES or not isinstance(given["content"], str):
        raise Refused(400, "a_message_has_role_and_content")
    return Message(given["role"], given["content"])
