"""Pages are read in editors and terminals too: no line of prose in them has more than 120 characters."""

from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
#: Made by programs, one line for each thing that they tell.
GENERATED = ("corpus.md", "events.md")


def prose(text: str) -> list[str]:
    """The lines that are neither a table's nor code."""
    kept, code = [], False
    for line in text.split("\n"):
        code ^= line.startswith("```")
        if not (code or line.startswith(("|", "    "))):
            kept.append(line)
    return kept


@pytest.mark.parametrize("page", sorted({path.name for path in DOCS.glob("*.md")} - {*GENERATED}))
def test_no_line_of_prose_is_longer_than_120_characters(page: str) -> None:
    assert [line for line in prose((DOCS / page).read_text(encoding="utf-8")) if len(line) > 120] == []
