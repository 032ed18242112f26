"""The tables and descriptions that MLflow is given."""

import csv
import io
import json
from collections.abc import Callable

from experiments.planning.policy import load_policy
from experiments.reading.view import RunView
from experiments.record.records import LedgerLine
from experiments.reporting.exhibits import Table, episodes_table, results_table, shown_table, tables_tag
from experiments.results.table import result_table
from experiments.results.trend import trend
from experiments.tracking.notes import checkpoint_note, experiment_note, family_note
from experiments.tracking.tracked import checkpoint_run, common
from experiments.verdict.gate import judge

RunViews = Callable[..., RunView]


def test_the_table_for_the_ui_has_one_readable_cell_for_each_task(run_view: RunViews) -> None:
    document = json.loads(shown_table(result_table(run_view())).as_json())
    assert document["columns"] == [
        "checkpoint", "step", "ml/tab@L0", "selfmod/scaffold@L0", "findings", "not scored",
    ]  # fmt: skip
    assert document["data"][2][:3] == ["pocket/2000", 2000, "0.99 [0.39, 1.60] n=4"]


def test_the_table_for_programs_has_one_number_a_column(
    run_view: RunViews, ledger_line: Callable[..., LedgerLine]
) -> None:
    line = ledger_line(300, "ml/tab", 0, None)
    view = run_view(lines=[line, ledger_line(0, "ml/tab", 0, 0.5)], checkpoints=[line.checkpoint])
    (row,) = csv.DictReader(io.StringIO(results_table(result_table(view)).as_csv()))
    assert (row["step"], row["ml/tab@L0 strict"], row["ml/tab@L0 n"]) == ("300", "", "0")


def test_a_checkpoint_with_a_dot_gets_a_model_name_that_mlflow_takes(
    run_view: RunViews, ledger_line: Callable[..., LedgerLine]
) -> None:
    line = ledger_line(0, "ml/tab", 0, 0.5, checkpoint={"family": "m", "name": "step-0.yaml", "step": 0})
    view = run_view(lines=[line], checkpoints=[line.checkpoint])
    tracked = checkpoint_run(view, trend(view), line.checkpoint, common(view, None))
    assert tracked.model == "m-step-0-yaml"


def test_a_spreadsheet_takes_no_text_for_a_formula() -> None:
    table = Table(("a", "b"), (("=1+1", -2.5), ("-", None)))
    assert table.as_csv() == "a,b\r\n'=1+1,-2.5\r\n-,\r\n"


def test_each_episode_of_a_checkpoint_names_its_evidence(run_view: RunViews) -> None:
    view = run_view()
    table = episodes_table(view, view.checkpoints[2])
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert len(table.rows) == 8
    assert (row["task"], row["world"], row["strict"], row["tokens"]) == ("ml/tab@L0", 0, 0.98, 980)
    assert row["evidence"] == "episodes/e2000-ml-tab-0/0/events.jsonl"


def test_the_ui_is_told_which_artefacts_are_tables() -> None:
    assert tables_tag(["results.json"]) == {
        "mlflow.loggedArtifacts": '[{"path": "results.json", "type": "table"}]'
    }


def test_a_description_says_the_verdict_and_the_scores_in_plain_markdown(run_view: RunViews) -> None:
    view = run_view()
    note = family_note(result_table(view), "pocket", judge(load_policy("quickstart"), view))
    assert note.startswith("**inconclusive** by policy quickstart\n")
    assert "| pocket/2000 | 0.99 \\[0.39, 1.60\\] n=4 |" in note
    assert "ml/tab\\@L0: 0.99" in checkpoint_note(result_table(view), view.checkpoints[2])
    assert "`quickstart/regressions`" in experiment_note("quickstart", "trends")


def test_a_description_is_cut_at_what_a_tag_holds(
    run_view: RunViews, ledger_line: Callable[..., LedgerLine]
) -> None:
    lines = [ledger_line(step, "ml/tab", 0, 0.5) for step in range(400)]
    view = run_view(lines=lines, checkpoints=[line.checkpoint for line in lines])
    note = family_note(result_table(view), "pocket", None)
    assert len(note.encode()) < 8_000 and "… cut: `results.txt` holds it all" in note
