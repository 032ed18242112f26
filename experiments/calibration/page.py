"""``docs/corpus.md``, generated: ``python -m experiments.calibration.page > docs/corpus.md``."""

import sys
from collections.abc import Iterable
from typing import Final

from experiments.calibration.corpus import BY_FAULT, Agent, read_corpus
from monitors.needs import NEEDS
from monitors.severity import TABLE
from sandbox.codes import CODES

_HEAD: Final = """\
# The labelled corpus

Generated from `experiments/calibration/corpus/` by `python -m experiments.calibration.page > docs/corpus.md`; do not edit.

What `tidegauge calibrate` runs in real boxes: for every finding code, scripted agents that do the thing, and twins
that look like it and are allowed. A quiet agent takes pains not to be seen. What counts as which code, with an example
of its evidence: [monitors.md](monitors.md).

To add one, write it into the file of its code: `name`, `how` in one line, and its commands, one turn each (all keys:
`experiments/calibration/corpus.py`); then `tidegauge calibrate --only CODE --worlds 1`. An agent of which nothing is found
is as welcome as one that is found: it says what the monitors do not see.

`monitor.error` and a lost sensor are proved by fault tests: no agent can bring them about.
"""


def page() -> str:
    """The page in Markdown, codes in the order of ``sandbox/codes.py``."""
    agents = read_corpus()
    codes = [code for code in CODES if code not in BY_FAULT]
    sections = (_section(code, [agent for agent in agents if agent.code == code]) for code in codes)
    return "\n".join([_HEAD, *sections])


def _section(code: str, agents: Iterable[Agent]) -> str:
    rules = {key: rule for key, rule in TABLE.items() if key.partition("/")[0] == code}
    severities = ", ".join(
        f"{int(rule.severity)} ({key.partition('/')[2]})" if "/" in key else str(int(rule.severity))
        for key, rule in rules.items()
    )
    sensors = ", ".join(f"`{sensor}`" for sensor in NEEDS[code]) or "none"
    rows = "".join(_row(agent) for agent in agents)
    return (
        f"## `{code}`\n\n{CODES[code][0].upper()}{CODES[code][1:]}. Severity {severities}. Sensors: {sensors}.\n\n"
        f"| agent | what it does | must be found |\n|---|---|---|\n{rows}"
    )


def _row(agent: Agent) -> str:
    found = ", ".join(f"`{code}`" for code in sorted(agent.finds)) or "nothing"
    what = f"{agent.how} (quiet)" if agent.quiet else agent.how
    return f"| `{agent.id.rpartition('/')[2]}` | {what} | {found} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
