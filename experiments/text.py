"""Text that a box may have made, before it is shown anywhere."""

import unicodedata


def counted(number: int, noun: str) -> str:
    """``1 episode``, ``2 episodes``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def plain(text: str, limit: int = 400) -> str:
    """One line without control, format or surrogate characters, cut at ``limit``.

    Format characters include those that reverse the direction of writing, which can make a shown
    line say something that it does not.
    """
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    spaced = " ".join(cut.split())
    return "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
