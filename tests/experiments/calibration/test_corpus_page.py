"""The committed page of the corpus is the generated one."""

from pathlib import Path

from experiments.calibration.page import page

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_of_the_corpus_is_the_generated_one() -> None:
    assert (DOCS / "corpus.md").read_text(encoding="utf-8") == page()
