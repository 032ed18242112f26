"""What a run's anchors hold besides its plan and ledger: the policies it was under, and people's decisions."""

import json
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

from experiments.planning.policy import Policy
from experiments.record import anchors
from experiments.record.anchors import Anchors
from experiments.text import plain
from sandbox.canonical import canonical
from sandbox.errors import Mistake
from sandbox.events import BrokenLine, open_regular

DecisionKind = Literal["promote", "hold", "halt"]
DECISIONS: Final[tuple[DecisionKind, ...]] = get_args(DecisionKind)
_LONGEST_NAME: Final = 64
_LONGEST_REASON: Final = 2000


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """A policy that a run was under; ``after`` counts the ledger lines that were there before it.

    ``document`` is the whole policy, as its file states it.
    """

    name: str
    digest: str
    after: int
    document: dict[str, Any] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person decided on one verdict; ``at`` in Unix seconds.

    ``policy`` is that policy's digest and ``state`` the digest of the evidence (``RunView.state``): a
    decision counts for that verdict alone.
    """

    name: str
    decision: DecisionKind
    reason: str
    at: int
    policy: str
    state: str

    def as_json(self) -> dict[str, Any]:
        """The form in which it is shown."""
        return {"as": self.name, "decision": self.decision, "reason": self.reason, "at": self.at}


@dataclass(frozen=True, slots=True)
class Recorded:
    """The policies in the order in which they came, and all decisions."""

    policies: tuple[PolicyRecord, ...] = ()
    decisions: tuple[Decision, ...] = ()


def record_policy(policy: Policy, opened: Anchors) -> None:
    """Anchors ``policy``, whole, unless it is the one that was anchored last."""
    text = canonical({"digest": policy.digest, "policy": policy.document()}).decode("utf-8")
    if opened.texts("policy")[-1:] != [text]:
        opened.append("policy", [text])


def record_decision(
    name: str, decision: DecisionKind, reason: str, *, policy: Policy, state: str, opened: Anchors
) -> None:
    """Anchors a decision; returns once it is durable.

    Raises:
        Mistake: the name or the reason is empty, too long, or holds what cannot be shown.
    """
    text = {
        "as": _shown(name, "--as", _LONGEST_NAME), "decision": decision,
        "reason": _shown(reason, "--reason", _LONGEST_REASON), "policy": policy.digest, "state": state,
    }  # fmt: skip
    opened.append("approval", [canonical(text).decode("utf-8")])


def read_recorded(directory: Path) -> Recorded:
    """What the anchors of a run hold, without checking their chain, which is ``verify``'s part.

    What is no such entry is left out: it can stand only in a chain that was broken. So can text that a
    terminal would obey, and it is shown without.

    Raises:
        Mistake: they are no file that can be read.
    """
    policies: list[PolicyRecord] = []
    decisions: list[Decision] = []
    for line, after in _entries(directory / anchors.FILE):
        with suppress(ValueError, KeyError, TypeError):
            entry = json.loads(line)
            value = json.loads(entry["text"])
            if entry["kind"] == "policy":
                document = dict(value["policy"])
                policies.append(PolicyRecord(str(document["name"]), str(value["digest"]), after, document))
            elif value["decision"] in DECISIONS:
                name, reason = plain(str(value["as"])), plain(str(value["reason"]), _LONGEST_REASON)
                of = {key: str(value[key]) for key in ("policy", "state")}
                decisions.append(Decision(name, value["decision"], reason, int(entry["at"]), **of))
    return Recorded(tuple(policies), tuple(decisions))


def latest(decisions: Sequence[Decision]) -> list[Decision]:
    """The last decision of each person, in the order in which they came.

    Two spellings of a name that differ in case, spaces or form of their letters are one person.
    """
    last = {_person(decision.name): decision for decision in decisions}
    return [decision for decision in decisions if last[_person(decision.name)] is decision]


def _entries(path: Path) -> Iterator[tuple[bytes, int]]:
    """Policies and decisions, each with the number of ledger lines before it."""
    if not path.exists():
        return
    after = 0
    try:
        file = open_regular(path)
    except BrokenLine as broken:
        remedy = "`tidegauge verify RUN` says more"
        raise Mistake(broken.reason, where=str(path), remedy=remedy) from broken
    with file:
        for line in file:
            # Canonical JSON: inside of a text the quotes would be escaped. Most lines are of the ledger.
            after += b'"kind":"ledger"' in line
            if line.endswith(b"\n") and (b'"kind":"policy"' in line or b'"kind":"approval"' in line):
                yield line, after


def _shown(text: str, key: str, longest: int) -> str:
    line = " ".join(text.split())
    if not line:
        raise Mistake("is empty", key=key, remedy="say who decides, and why")
    if len(line) > longest or plain(line, longest) != line:
        raise Mistake("cannot be shown", key=key, remedy=f"write at most {longest} printable characters")
    return line


def _person(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
