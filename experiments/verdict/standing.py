"""What people decided on a crossed level, and what it still waits for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from experiments.planning.policy import Level, Policy
from experiments.reading.recorded import Decision, PolicyRecord, latest
from experiments.reading.view import RunView
from experiments.text import counted


@dataclass(frozen=True, slots=True)
class Standing:
    """Who promoted, held and halted a crossed level. A crossing that nobody decided on stays due."""

    needed: int
    approved_by: tuple[str, ...]
    held_by: tuple[str, ...]
    halted_by: tuple[str, ...]

    @property
    def lifted(self) -> bool:
        """Whether enough people promoted and nobody holds or halts."""
        enough = 0 < self.needed <= len(self.approved_by)
        return enough and not self.held_by and not self.halted_by

    def __str__(self) -> str:
        for word, names in (("halted", self.halted_by), ("held", self.held_by)):
            if names:
                return f"{word} by {', '.join(names)}"
        given = f"approved by {', '.join(self.approved_by)}" if self.approved_by else ""
        missing = self.needed - len(self.approved_by)
        if missing <= 0:
            return given or "due"
        return "; ".join(filter(None, [f"needs {counted(missing, 'more approval')}", given]))


def standing(level: Level, decisions: Sequence[Decision]) -> Standing:
    """Where ``level`` stands after the ``decisions`` on its verdict; of each person the last one counts."""
    by = {
        kind: tuple(d.name for d in latest(decisions) if d.decision == kind)
        for kind in ("promote", "hold", "halt")
    }
    return Standing(level.approvals, by["promote"], by["hold"], by["halt"])


def current(view: RunView, policy: Policy) -> list[Decision]:
    """The decisions on this very evidence by this very policy."""
    return [d for d in view.recorded.decisions if (d.policy, d.state) == (policy.digest, view.state)]


def policy_notes(view: RunView, policy: Policy) -> list[str]:
    """What to know of the policy itself: whether the run was under it from its beginning."""
    records = view.recorded.policies
    if not records:
        return ["the run has no record of the policy that it began under"]
    first, own = records[0], _first(records, policy.digest)
    if own is None:
        return [
            f"the policy is not one that the run was under: it began under {first.name} {first.digest[:12]}"
        ]
    notes = []
    if first.digest != policy.digest:
        notes.append(f"the policy changed: the run began under {first.name} {first.digest[:12]}")
    if own.after:
        notes.append(f"the policy was set after {counted(own.after, 'attempt')} had ended")
    return notes


def policy_json(view: RunView, policy: Policy) -> dict[str, Any]:
    """The verdict's ``policy``: which it is, when the run came under it, and under which it began."""
    records = view.recorded.policies
    own = _first(records, policy.digest)
    began = {"name": records[0].name, "digest": records[0].digest} if records else None
    return {
        "name": policy.name, "digest": policy.digest,
        "recorded_after": own.after if own else None, "at_start": began,
    }  # fmt: skip


def _first(records: Sequence[PolicyRecord], digest: str) -> PolicyRecord | None:
    return next((record for record in records if record.digest == digest), None)
