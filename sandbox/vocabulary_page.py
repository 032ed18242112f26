"""``docs/events.md``, generated: ``python -m sandbox.vocabulary_page > docs/events.md``."""

import sys
from typing import Final

from sandbox.kind import Kind
from sandbox.vocabulary import KINDS

_HEAD: Final = """\
# Events

Generated from `sandbox/vocabulary.py` and `sandbox/task_kinds.py` by `python -m sandbox.vocabulary_page > docs/events.md`; do not edit.

An attempt's log is `episodes/<episode>/<attempt>/events.jsonl`: one observed fact a line, in canonical
JSON (UTF-8, sorted keys, no spaces), written by the host alone.

| field | holds |
|---|---|
| `seq` | number of the event, from 0 |
| `t` | microseconds since the attempt began |
| `source` | who observed it |
| `kind` | what it is: one of the kinds below |
| `data` | its facts, by kind; what was not observed is `null` |
| `prev` | `hash` of the event before it; 64 zeros for the first |
| `hash` | SHA-256 of the canonical JSON of the six fields above |

A text of more than 8,000 bytes is cut: `{"cut": its start, "bytes": its length, "sha256": its digest}`.
Bytes that are not UTF-8 are `{"b64": …}`. A kind's sensor is the one without which it cannot be
observed; a kind without one is seen by the host itself.
"""


def page() -> str:
    """The page in Markdown, kinds in the order of the vocabulary."""
    return "\n".join([_HEAD, *(_section(name, kind) for name, kind in KINDS.items())])


def _section(name: str, kind: Kind) -> str:
    sources = ", ".join(f"`{source}`" for source in kind.sources)
    sensor = f"`{kind.sensor}`" if kind.sensor else "none"
    rows = "".join(f"| `{field}` | {_cell(means)} |\n" for field, means in kind.data.items())
    return (
        f"## `{name}`\n\n{kind.means[0].upper()}{kind.means[1:]}.\n\n"
        f"Source: {sources}. Sensor: {sensor}.\n\n"
        f"| data | meaning |\n|---|---|\n{rows}"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
