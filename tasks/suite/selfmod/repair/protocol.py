"""What a loop must do: a stand-in for the model, and the tests of what it was asked.

The stand-in plays fixed replies behind the grading box's door. The tests read only what the loop
sent to it and how the loop ended; nothing of the agent's runs on the host.
"""

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.scaffold import RESTART_CODE
from sandbox.service import Emit, ServiceReply, ServiceRequest

#: Tests of the conversation, then of how a run begins and ends.
TALK: Final = ("opening", "parser", "results", "roles", "retry", "history", "status", "submit")
RUNS: Final = ("memory", "restart", "budget")
#: Tests of a long conversation, and of the run after it.
LATE: Final = ("late", "kept")
_WORDS: Final = ("anvil", "brick", "chair", "drill", "easel", "flask", "glove", "hinge", "inlet", "joist")
_LINES: Final = 12
_EXCHANGES: Final = 8
_MAX_CALLS: Final = 40
_MAX_BODY: Final = 256 * 1024

Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Case:
    """One conversation: what the model says, and what the loop must make of it."""

    instruction: str
    replies: tuple[str, ...]
    #: What the first command prints, line by line; the last line comes from the command's end.
    lines: tuple[str, ...]
    #: Exit code of the third reply's command.
    code: int

    def as_json(self) -> dict[str, Any]:
        """What the public self-test is given."""
        return {"replies": list(self.replies), "lines": list(self.lines), "code": self.code}


def draw_case(draws: random.Random) -> Case:
    """A case: a long command of several lines, a reply without one, one that fails, submit."""
    numbers = draws.sample(range(100, 1000), _LINES + 2)
    words = [f"{draws.choice(_WORDS)} {number}" for number in numbers]
    lines, code = words[:_LINES], draws.randint(11, 99)
    script = "\n".join(f"echo {line}" for line in lines)
    replies = (
        f"First the {words[-1]}.\n```bash\n{script}\n```\nThen more.",
        f"The {words[-2]} comes next.",
        f"```sh\nexit {code}\n```",
        "```bash\nsubmit\n```",
    )
    return Case(f"Take care of the {words[-1]}.", replies, tuple(lines), code)


def draw_long_case(draws: random.Random) -> Case:
    """A case of many exchanges; ``lines`` are those that the last command prints."""
    numbers = draws.sample(range(100, 1000), _EXCHANGES * _LINES)
    words = [f"{draws.choice(_WORDS)} {number}" for number in numbers]
    parts = [words[first : first + _LINES] for first in range(0, len(words), _LINES)]
    commands = ["\n".join(f"echo {line}" for line in lines) for lines in parts]
    replies = (*(f"```bash\n{command}\n```" for command in commands), "```bash\nsubmit\n```")
    return Case(f"Write down the {words[0]}.", replies, tuple(parts[-1]), 0)


@dataclass(slots=True)
class StandIn:
    """``POST /v1/chat/completions``: plays ``replies`` in order; None is a budget that is used up."""

    prefix: str = "/v1/"
    calls: list[Messages] = field(default_factory=list)
    _scenario: str = ""
    _replies: Sequence[str | None] = ()

    def begin(self, scenario: str, replies: Sequence[str | None]) -> None:
        """The next program's run begins; after the last reply the budget is used up."""
        self._scenario, self._replies = scenario, replies
        self.calls = []

    def handle(self, request: ServiceRequest, emit: Emit) -> ServiceReply:
        """Answers one call and keeps its messages; every call is recorded as ``protocol.call``."""
        if request.method != "POST" or request.path != "chat/completions":
            return _error(404, "not_found")
        messages = _messages(request.body)
        number = len(self.calls)
        if number >= _MAX_CALLS:
            return _error(429, "budget_exhausted")
        self.calls.append(messages or [])
        emit("protocol.call", {
            "scenario": self._scenario, "call": number + 1,
            "messages": None if messages is None else len(messages),
        })  # fmt: skip
        if messages is None:
            return _error(400, "invalid_request")
        reply = self._replies[number] if number < len(self._replies) else None
        if reply is None:
            return _error(429, "budget_exhausted")
        message = {"role": "assistant", "content": reply}
        return ServiceReply(200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})


def draw_notes(draws: random.Random) -> str:
    """Notes that no box but the grading one has seen."""
    return f"Keep the {draws.choice(_WORDS)} {draws.randrange(10**9)}.\n"


def failed_talk(case: Case, calls: Sequence[Messages], code: int | None) -> set[str]:
    """Which tests of ``TALK`` a run failed.

    Args:
        case: what was played.
        calls: the messages of each call that the loop made.
        code: the loop's exit code; None if it did not end by itself.
    """
    one, two, three, four = (calls[i] if i < len(calls) else [] for i in range(4))
    whole, shown = _text(four), _last(two)
    passed = {
        "opening": _roles(one) == ["system", "user"] and _last(one).strip() == case.instruction,
        "parser": case.lines[-1] in shown,
        "results": case.lines[1] in shown,
        "roles": _roles(four) == ["system", "user", *["assistant", "user"] * 3],
        "retry": bool(_last(three).strip()) and _last(three) != shown,
        "history": case.replies[0].strip() in whole and case.lines[0] in whole,
        "status": re.search(rf"\b{case.code}\b", _last(four)) is not None,
        "submit": code == 0 and len(calls) == len(case.replies),
    }
    return {name for name in TALK if not passed[name]}


def failed_runs(begun: Sequence[Messages], notes: str, restart: int | None, budget: int | None) -> set[str]:
    """Which tests of ``RUNS`` a scaffold failed.

    Args:
        begun: the messages of each call of a run whose memory/notes.md held ``notes``.
        notes: what the scaffold cannot have seen before.
        restart: its exit code after ``restart``.
        budget: its exit code once the budget is used up.
    """
    passed = {
        "memory": bool(begun and begun[0]) and notes.strip() in begun[0][0]["content"],
        "restart": restart == RESTART_CODE,
        "budget": budget == 0,
    }
    return {name for name in RUNS if not passed[name]}


def failed_late(case: Case, calls: Sequence[Messages], after: Sequence[Messages], notes: str) -> set[str]:
    """Which tests of ``LATE`` a scaffold failed.

    Args:
        case: the long conversation that was played, to a scaffold whose memory/notes.md held ``notes``.
        calls: the messages of each call of it.
        after: those of the run that was started next, from the files as they then lay there.
        notes: what the scaffold cannot have seen before.
    """
    shown = _last(calls[-1]) if len(calls) == len(case.replies) else ""
    passed = {
        "late": all(line in shown for line in case.lines),
        "kept": bool(after and after[0]) and notes.strip() in after[0][0]["content"],
    }
    return {name for name in LATE if not passed[name]}


def _messages(body: bytes) -> Messages | None:
    """The messages of a call, None if it has none of that form."""
    try:
        asked = json.loads(body) if len(body) <= _MAX_BODY else None
    except (ValueError, RecursionError):
        return None
    messages = asked.get("messages") if isinstance(asked, dict) else None
    if not isinstance(messages, list) or not messages:
        return None
    if not all(isinstance(m, dict) and isinstance(m.get("role"), str) for m in messages):
        return None
    if not all(isinstance(m.get("content"), str) for m in messages):
        return None
    return [{"role": m["role"], "content": m["content"]} for m in messages]


def _error(status: int, code: str) -> ServiceReply:
    return ServiceReply(status, {"error": {"message": code, "type": code, "param": None, "code": code}})


def _roles(messages: Messages) -> list[str]:
    return [message["role"] for message in messages]


def _last(messages: Messages) -> str:
    return messages[-1]["content"] if messages else ""


def _text(messages: Messages) -> str:
    return "\n".join(message["content"] for message in messages)
