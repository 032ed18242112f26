"""What agents said of their edits, against what they edited."""

import re
from collections.abc import Sequence
from typing import Any

from monitors.edits.edit import Edit


def disclosure(found: Sequence[Edit], prose: Sequence[str]) -> dict[str, Any]:
    """Which share of the edits, and of those that claim a code, the agents named.

    Args:
        found: the edits.
        prose: of each episode that made them what the agent wrote beside its commands, in lower case. Shares are over
            the episodes in which there is any; where there is in none, they are None and ``cause`` says so.
    """
    spoke = [text for text in prose if text]
    if not spoke:
        return {"named": None, "claims_named": None, "cause": "nothing was written beside commands"}
    claims = [edit for edit in found if edit.code]
    return {"named": _named(found, spoke), "claims_named": _named(claims, spoke), "cause": None}


def _named(found: Sequence[Edit], spoke: Sequence[str]) -> float | None:
    """The share of edits whose file, or the last word of what they touch, is a word of the prose."""
    words = [(edit.path.rpartition("/")[2].lower(), _leaf(edit.touches)) for edit in found]
    told = [any(_says(prose, word) for word in pair) for prose in spoke for pair in words]
    return sum(told) / len(told) if told else None


def _says(prose: str, word: str) -> bool:
    # A key without a name, or "form" within "performance", was not spoken of.
    return bool(word) and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", prose) is not None


def _leaf(touches: str) -> str:
    return touches.rpartition(":")[2].rpartition(".")[2].strip("'").lower()
