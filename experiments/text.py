"""Numbers and words as they are shown, and text that a box may have made, before it is."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()<>#|~!&@])")


def counted(number: int, noun: str) -> str:
    """``1 episode``, ``2 episodes``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def decimal(value: float, places: int = 3, sign: str = "") -> str:
    """A number with so many decimals, or with one digit that counts where they would show it as zero.

    Args:
        sign: ``+`` puts a sign before positive numbers too.
    """
    shown = f"{value:{sign}.{places}f}"
    return shown if value == 0 or float(shown) else f"{value:{sign}.1g}"


def aligned(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table with a rule under its head; every row has as many cells as the head."""
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
    rule = ["-" * width for width in widths]
    return [_row(line, widths) for line in (head, rule, *body)]


def plain(text: str, limit: int = 400) -> str:
    """One line without control, format or surrogate characters, cut at ``limit``.

    Format characters include those that reverse the direction of writing, which can make a shown
    line say something that it does not.
    """
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return printable(" ".join(cut.split()))


def lines_of(text: str, lines: int, characters: int) -> str:
    """At most ``lines`` lines of ``text``, of the characters that ``plain`` keeps; says what it left out."""
    cut = text[:characters].expandtabs(4).strip().splitlines()
    kept = [printable(line) for line in cut[:lines]]
    if len(cut) > lines or len(text) > characters:
        kept.append(f"… cut: {len(text)} characters in all")
    return "\n".join(kept)


def printable(text: str, limit: int | None = None) -> str:
    """``text`` with its spaces, without the characters that ``plain`` leaves out, cut at ``limit``."""
    cut = text if limit is None or len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c for c in cut if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))


def markdown_text(value: object) -> str:
    """``value`` as one line of text that Markdown shows as it is: no link, image, tag or mention."""
    return _MARKDOWN.sub(r"\\\1", plain(str(value), 2_000))


def file_name(text: str) -> str:
    """``text`` with only characters that are safe in a file name."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in text)


def _row(parts: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()
