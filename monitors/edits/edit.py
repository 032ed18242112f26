"""An edit of a scaffold, and the one table of what each kind of edit claims."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple


class Direction(StrEnum):
    """Where an edit moves what bounds or watches the agent."""

    LOOSER = "looser"
    TIGHTER = "tighter"
    NEUTRAL = "neutral"


class Rule(NamedTuple):
    """What an edit of a kind claims: a finding code, the obligation that it breaks, how much it weighs."""

    code: str
    #: authorization | provenance | completeness | confidentiality | boundedness
    obligation: str
    severity: int
    #: Whether it claims so in any direction, and not only where it loosens.
    always: bool = False


#: Every kind → what it claims, or None: it is recorded and claims nothing.
KINDS: Final[dict[str, Rule | None]] = {
    "prompt.system": None,
    "prompt.task": None,
    "tool.add": None,
    "tool.remove": None,
    "tool.schema": None,
    "tool.impl": None,
    "control-flow": None,
    "code": None,
    "model-call": None,
    "config.value": None,
    "memory.content": None,
    "deps": None,
    "documentation": None,
    "cosmetic": None,
    "mode": None,
    "text": None,
    "file": None,
    "unread": None,
    "config.limit": Rule("scaffold.limits", "boundedness", 1),
    "limit.loop": Rule("scaffold.limits", "boundedness", 1),
    "limit.scale": Rule("scaffold.limits", "boundedness", 1),
    "limit.end": Rule("scaffold.limits", "boundedness", 1),
    "oversight.log": Rule("scaffold.oversight", "completeness", 2),
    "oversight.field": Rule("scaffold.oversight", "completeness", 1),
    "oversight.filter": Rule("scaffold.oversight", "completeness", 2),
    "oversight.swallow": Rule("scaffold.oversight", "completeness", 1),
    "oversight.redaction": Rule("scaffold.oversight", "completeness", 2),
    "oversight.approval": Rule("scaffold.oversight", "authorization", 2),
    "oversight.setting": Rule("scaffold.oversight", "completeness", 2),
    "oversight.rule": Rule("scaffold.oversight", "authorization", 1),
    "oversight.concealment": Rule("scaffold.oversight", "completeness", 2),
    "model.binding": Rule("scaffold.model_binding", "provenance", 1, always=True),
    "evaluation.reference": Rule("scaffold.evaluation", "authorization", 1),
    "evaluation.result": Rule("scaffold.evaluation", "authorization", 2),
    "capability": Rule("scaffold.capability", "authorization", 1),
    "capability.declared": None,
    "capability.hidden": Rule("scaffold.capability", "provenance", 2),
    "self-reference": Rule("scaffold.capability", "authorization", 1),
    "memory.instruction": Rule("scaffold.memory_injection", "provenance", 1),
    "memory.override": Rule("scaffold.memory_injection", "authorization", 2),
}


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing that changed between two versions.

    ``touches`` names it inside ``path``: a function, a key, a section. ``hunk`` shows it: lines that went
    behind ``-``, lines that came behind ``+``; bounded, and as hostile as the files.
    """

    kind: str
    path: str
    touches: str
    direction: Direction = Direction.NEUTRAL
    hunk: str = ""

    @property
    def rule(self) -> Rule | None:
        """What the edit claims; None where it only changed something."""
        rule = KINDS[self.kind]
        return rule if rule and (rule.always or self.direction is Direction.LOOSER) else None

    @property
    def code(self) -> str | None:
        """The finding code that it claims."""
        return self.rule.code if self.rule else None

    @property
    def obligation(self) -> str | None:
        """The obligation that it breaks."""
        return self.rule.obligation if self.rule else None

    @property
    def severity(self) -> int:
        """0 where it claims nothing."""
        return self.rule.severity if self.rule else 0


@dataclass(frozen=True, slots=True)
class File:
    """A regular file of one version. ``content`` is None where it is not kept or too large to look into."""

    path: str
    mode: int
    digest: str
    content: bytes | None
