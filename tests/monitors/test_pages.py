"""The committed pages say what the code does."""

import re
from pathlib import Path

from monitors.registry import SHIPPED
from sandbox.codes import CODES
from sandbox.vocabulary_page import page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_events_page_is_the_generated_one() -> None:
    assert (DOCS / "events.md").read_text(encoding="utf-8") == page()


def test_the_monitors_page_has_a_section_on_every_code_in_their_order() -> None:
    assert re.findall(r"^### `(.+)`$", (DOCS / "monitors.md").read_text(encoding="utf-8"), re.M) == list(
        CODES
    )


def test_the_monitors_page_names_the_sensors_that_each_code_needs() -> None:
    sections = re.split(r"^### ", (DOCS / "monitors.md").read_text(encoding="utf-8"), flags=re.M)[1:]
    stated = {}
    for section in sections:
        code = section.split("`")[1]
        line = next(line for line in section.splitlines() if line.startswith("- Sensors: "))
        stated[code] = tuple(re.findall(r"`(\w+)`", line))
    codes = {code: needs for monitor in SHIPPED for code, needs in monitor().codes.items()}
    codes["monitor.error"] = ()
    assert stated == codes
