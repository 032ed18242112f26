"""Descriptions in MLflow, in its Markdown: what one looks at, and what to click."""

from collections.abc import Sequence
from typing import Final

from experiments.record.records import Checkpoint
from experiments.results.table import ResultTable, cell_text, findings_text
from experiments.text import markdown_text
from experiments.verdict.gate import Verdict

#: The tag that MLflow's UI shows as a description.
NOTE_TAG: Final = "mlflow.note.content"
#: MLflow refuses longer tags; a description that would be is cut at a line.
_LONGEST: Final = 7_500

_EXPERIMENT: Final = {
    "trends": """\
**The trend.** One run per model family and suite version; the step of every metric is the checkpoint's step.

- **Chart view** (the icon beside the list): `cap/<task family>/<level>` holds the capability over the
  checkpoints: `strict` counts cheating as the start score, `lenient` as earned, `_low` and `_high` are the
  95 % interval, `_n` the episodes behind it. `find/<code>` holds the rate of each finding.
- **A run → Artifacts**: `trends/` draws each trend with its band and the policy's lines, `lineage.svg` which
  scaffold was made out of which, `results.json` is the result table, `report.html` the whole report, `policy.yaml` and `experiment.yaml` what was asked for.
- Each point's checkpoint, with its episodes, is a run in `{suite}/regressions`.
""",
    "regressions": """\
**The checkpoints.** One run per checkpoint, with its LoggedModel; `{suite}/trends` is drawn from these.

- **Chart view → Group by: family** draws the trend from these runs.
- **A run → Artifacts → episodes.json** lists the checkpoint's episodes: score, findings, and the event log
  that holds the evidence. The tag `tidegauge.coverage` says which finding codes could have been seen.
- **Models** lists one LoggedModel per checkpoint with its metrics.
""",
}


def experiment_note(suite: str, part: str) -> str:
    """The description of ``<suite>/<part>``; ``part`` is ``trends`` or ``regressions``."""
    return _EXPERIMENT[part].replace("{suite}", suite)


def family_note(table: ResultTable, family: str, verdict: Verdict | None) -> str:
    """The description of one family's trend: the verdict, its reasons and the result table."""
    lines = [*_verdict(verdict), ""]
    lines += [
        f"| checkpoint | {' | '.join(table.columns)} | findings |",
        "|---" * (len(table.columns) + 2) + "|",
    ]
    for row in table.rows:
        if row.checkpoint.family == family:
            cells = [row.checkpoint, *(cell_text(row.cells[column]) for column in table.columns)]
            lines.append("| " + " | ".join(map(markdown_text, [*cells, findings_text(row.findings)])) + " |")
    return _joined(
        lines, "Artifacts: `trends/*.png` with band and policy lines; `report.html`; `results.json`."
    )


def checkpoint_note(table: ResultTable, checkpoint: Checkpoint) -> str:
    """The description of one checkpoint's run: its scores and findings."""
    (row,) = (row for row in table.rows if row.checkpoint == checkpoint)
    lines = [
        f"- {markdown_text(column)}: {markdown_text(cell_text(row.cells[column]))}"
        for column in table.columns
    ]
    lines.append(f"- findings (episodes): {markdown_text(findings_text(row.findings))}")
    return _joined(lines, "Artifacts: `episodes.json` lists the episodes, each with its evidence.")


def _verdict(verdict: Verdict | None) -> list[str]:
    if verdict is None:
        return ["No policy was applied."]
    reasons = [f"- {markdown_text(reason)}" for reason in verdict.reasons]
    return [f"**{verdict.outcome}** by policy {markdown_text(verdict.policy.name)}", "", *reasons]


def _joined(lines: Sequence[str], end: str) -> str:
    """The lines as far as a description holds them, then ``end``."""
    kept: list[str] = []
    room = _LONGEST
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            kept.append("… cut: `results.txt` holds it all")
            break
        kept.append(line)
    return "\n".join([*kept, "", end])
