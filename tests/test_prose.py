"""Pages are read in editors and terminals too, and lead to files that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [
    *sorted(DOCS.glob("*.md")),
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks" / "README.md",
]
#: A file of ours as pages name it; in a page on tasks paths may also be of a task's own directory.
NAMED = re.compile(
    r"`((?:sandbox|monitors|experiments|docker|benchmarks|docs)/[\w./-]+\.(?:py|md|yaml|json|sh|txt))`"
)
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_files_that_a_page_names_are_there(page: Path) -> None:
    named = set(NAMED.findall(page.read_text(encoding="utf-8")))
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []
