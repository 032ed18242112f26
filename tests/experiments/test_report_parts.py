"""What the report adds to the numbers: change, resources, how far the evidence carries, and diffs."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.reading.view import RunView
from experiments.record import resources
from experiments.record.records import LedgerLine
from experiments.record.rundir import attempt_dir
from experiments.reporting.report import amount, document, html, markdown
from experiments.reporting.report_comparison import change_text, comparisons, direction, p_text
from experiments.reporting.report_data import not_measured
from experiments.reporting.report_evidence import Calibrated, calibrated, self_test, visibility
from experiments.reporting.report_ledger import begin_ledger, sparkline
from experiments.reporting.report_lineage import gain_text
from experiments.reporting.report_resources import uses
from experiments.reporting.trail_diff import scaffold_diff
from experiments.results.besides import Besides
from experiments.results.compare import Row
from experiments.results.trend import trend
from experiments.stats.intervals import Interval
from experiments.stats.mcnemar import Change
from experiments.stats.paired import PairedMean
from experiments.text import printable
from sandbox.codes import CODES

RunViews = Callable[..., RunView]


def a_row(
    mean: float | None, low: float | None, high: float | None, p: float | None, se: float | None = 0.1
) -> Row:
    fields: dict[str, Any] = {
        "mean": mean,
        "se": se,
        "low": low,
        "high": high,
        "p": p,
        "n": 4,
        "clusters": 4,
    }
    cause = None if low is not None else "no interval from a constant sample"
    besides = Besides(Change(0, 0, 4), None, None, Interval(mean, None, None, 4, "fewer than 30 worlds"))
    return Row("ml/L0", "strict", 0.0, mean, PairedMean(**fields, test=None, cause=cause), 0, besides)


def test_the_last_checkpoint_is_compared_with_the_first_or_with_a_baseline(run_view: RunViews) -> None:
    view = run_view()
    (one,) = comparisons(view)
    assert (str(one.a.checkpoint), str(one.b.checkpoint)) == ("pocket/0", "pocket/2000")
    assert [(row.scope, row.scoring) for row in one.rows] == [
        ("ml/L0", "strict"), ("selfmod/L0", "strict"), ("overall", "strict"),
    ]  # fmt: skip
    assert comparisons(run_view(lines=[])) == []


@pytest.mark.parametrize(
    ("row", "change", "reads"),
    [(a_row(0.5, 0.2, 0.8, 0.01), "+0.50 [+0.20, +0.80]", "up"), (a_row(-0.5, -0.8, -0.2, 0.2), "-0.50 [-0.80, -0.20]", "down"),
     (a_row(0.5, -0.1, 1.1, 0.01), "+0.50 [-0.10, +1.10]", "not resolved"),
     (a_row(1.0, None, None, 0.008), "+1.00 (no interval from a constant sample)", "up"),
     (a_row(1.0, -0.1, 1.4, 0.008, se=None), "+1.00 [-0.10, +1.40]", "up"),
     (a_row(1.0, None, None, 0.125), "+1.00 (no interval from a constant sample)", "not resolved"),
     (a_row(None, None, None, None), "no interval from a constant sample", "not measured")],
)  # fmt: skip
def test_a_change_is_said_with_what_it_rests_on(row: Row, change: str, reads: str) -> None:
    assert (change_text(row), direction(row)) == (change, reads)


def test_a_small_p_is_no_number_of_many_digits() -> None:
    assert [p_text(p) for p in (None, 3e-55, 0.0312, 1.0)] == ["–", "< 0.001", "0.031", "1.000"]


def test_use_stands_beside_what_was_granted(run_view: RunViews) -> None:
    by_name = {(use.task, use.resource): use for use in uses(run_view())}
    turns = by_name["ml/tab@L0", "model calls"]
    assert (turns.granted, turns.mean, turns.most, turns.n, turns.share) == (20, 4.5, 6, 12, 0.3)
    assert by_name["ml/tab@L0", "tokens"].granted is None
    assert ("ml/tab@L0", "commands") not in by_name


def test_the_resource_ledger_shows_who_obtained_most_and_its_course(run_view: RunViews) -> None:
    view = run_view()
    for line in view.lines[:3]:
        grown = 2**20 * (3 if line.world == 1 else 1)
        rows = [
            {"resource": "memory", "unit": "B", "granted": 2.0**21, "obtained": grown, "items": [], "course": [[0, 0], [5, grown]]},
            {"resource": "hosts", "unit": "addresses", "granted": 0, "obtained": line.world, "course": [],
             "items": [[i, f"<b>{i}"] for i in range(8)]},
            {"resource": "names", "unit": "asked for", "granted": 0, "obtained": None, "course": [], "items": []},
        ]  # fmt: skip
        attempt = attempt_dir(view.directory, line.episode, line.attempt)
        attempt.mkdir(parents=True)
        resources.write(attempt, {"rows": rows, "lineage": [], "lineage_more": 0})
    memory, hosts = begin_ledger(view)()
    assert (memory.unit, memory.granted, memory.most, memory.beyond, memory.line.world) == (
        "MiB",
        2.0,
        3.0,
        True,
        1,
    )
    assert (hosts.seen, hosts.some, hosts.items[-1]) == (3, 2, "and 2 more")
    assert 'points="0.0,23.0 120.0,23.0 120.0,1.0 120.0,1.0"' in sparkline(memory)
    assert sparkline(hosts) == ""
    page = html(view, None)
    assert "<strong>3</strong>" in page and "&lt;b&gt;0" in page and "<b>0" not in page


def test_an_account_that_cannot_be_read_is_left_out(run_view: RunViews) -> None:
    view = run_view()
    attempt = attempt_dir(view.directory, view.lines[0].episode, 0)
    attempt.mkdir(parents=True)
    for content in (
        b"no json",
        b"[]",
        b'{"rows": [{"resource": "cpu", "obtained": "x"}]}',
        b'{"rows": [{"resource": "cpu", "obtained": 1}]}',
    ):
        (attempt / "resources.json").write_bytes(content)
        assert begin_ledger(view)() == []


def test_why_no_lineage_is_drawn_is_said(run_view: RunViews, ledger_line: Callable[..., LedgerLine]) -> None:
    assert "No episode ended with another scaffold than it began with." in html(run_view(), None)
    edited = ledger_line(0, "ml/tab", 0, 0.5, scaffold={"start": "a" * 64, "end": "b" * 64, "versions": 2})
    # The directory of this view holds no run that could be read.
    assert "Not drawn: " in html(run_view(lines=[edited]), None)
    gains = [
        PairedMean(mean, None, low, high, 4, 4)
        for mean, low, high in ((None, None, None), (0.5, None, None), (0.5, 0.1, 0.9))
    ]
    assert [gain_text(gain) for gain in gains] == ["–", "+0.50", "+0.50 [+0.10, +0.90]"]


def test_amounts_are_read_at_a_glance() -> None:
    assert [amount(value) for value in (None, 0, 1.345, 99.96, 20_000.0)] == [
        "–",
        "0",
        "1.34",
        "100",
        "20,000",
    ]


def test_coverage_and_calibration_stand_side_by_side(run_view: RunViews) -> None:
    entry = {"code": "cheat.scorer", "positives": 20, "found": 19, "negatives": 30, "false": 0,
             "tpr": 0.95, "tpr_ci": [0.75, 0.99], "fpr": 0.0, "fpr_ci": [0.0, 0.12]}  # fmt: skip
    view = run_view(calibration={"codes": [entry]})
    view.lines[0] = view.lines[0].model_copy(update={"coverage": {"cheat.scorer": 0.0}})
    one = {one.code: one for one in visibility(view)}["cheat.scorer"]
    assert (one.mean, one.least, one.found, one.positives) == (pytest.approx(23 / 24), 0.0, 19, 20)
    assert (one.found_interval, one.false_interval) == ((0.75, 0.99), (0.0, 0.12))
    page = html(view, None)
    assert f"{len(CODES)} finding codes; {len(CODES)} codes could not be seen in every attempt" in page
    assert '19 of 20 <span class="quiet">0.750 to 0.990</span>' in page


def test_a_calibration_is_summed_up_with_the_codes_that_fell_short(run_view: RunViews) -> None:
    good, poor = (
        {"code": code, "positives": 20, "found": found, "negatives": 300, "false": false, "tpr": found / 20,
         "tpr_ci": [0.5, 1.0], "fpr": false / 300, "fpr_ci": [0.0, 0.1]}
        for code, found, false in (("cheat.scorer", 20, 0), ("persistence", 19, 4))
    )  # fmt: skip
    view = run_view(calibration={"codes": [good, poor]})
    assert calibrated(visibility(view)) == Calibrated(39, 40, 4, 600, ("persistence",), ("persistence",))
    assert calibrated(visibility(run_view())) is None
    text = markdown(view, None)
    assert "39 of 40 seeded deeds found, 4 of 600 claims of innocents" in text
    assert "calibration of the monitors: none taken" in markdown(run_view(), None)


def test_what_is_not_measured_at_several_checkpoints_for_one_cause_stands_once(
    run_view: RunViews, ledger_line: Callable[..., LedgerLine]
) -> None:
    usage = {"cpu_s": 1.0, "wall_s": 4.0, "turns": 3, "tokens_in": 900, "tokens_out": 80}
    lines = [
        ledger_line(
            step, "ml/tab", 0, 0.5, usage=usage | ({"cpu_s": None, "turns": None} if step < 2000 else {})
        )
        for step in (0, 300, 2000)
    ]
    view = run_view(lines=lines, checkpoints=[line.checkpoint for line in lines])
    where = "usage/ml/L0/cpu_s, usage/ml/L0/turns at pocket/0, pocket/300"
    assert (where, "no attempt observed it") in not_measured(view, trend(view))


def test_what_is_not_measured_of_every_task_family_stands_once(run_view: RunViews) -> None:
    said = dict(not_measured(run_view(), trend(run_view())))
    (usage,) = [what for what, why in said.items() if why == "no attempt observed it"]
    assert usage.count("usage/…/commands") == 1 and "usage/ml" not in usage


def test_the_self_test_names_what_did_not_simply_hold(run_view: RunViews) -> None:
    checks = [{"name": name, "result": result, "detail": "because"}
              for name, result in (("a", "held"), ("b", "accepted"), ("c", "failed"))]  # fmt: skip
    told = self_test(
        run_view(selftest={"checks": checks, "regressed": ["c: failed"], "runtime": "runc", "taken": 0})
    )
    assert told is not None
    assert (told.counts, told.taken) == ({"held": 1, "accepted": 1, "failed": 1}, "1970-01-01 00:00 UTC")
    assert told.told == (("failed", "c", "because"), ("accepted", "b", "because"))
    assert self_test(run_view()) is None


def keep(directory: Path, path: str, text: bytes) -> list[Any]:
    """Stores ``text`` as a blob and returns its entry in a manifest."""
    digest = hashlib.sha256(text).hexdigest()
    (directory / "blobs").mkdir(exist_ok=True)
    (directory / "blobs" / digest).write_bytes(text)
    return [path, "file", 0o644, len(text), digest]


def test_an_edit_shows_the_lines_that_changed(tmp_path: Path) -> None:
    before = [keep(tmp_path, "main.py", b"one\ntwo\n"), keep(tmp_path, "old", b"x\n")]
    after = [
        keep(tmp_path, "main.py", b"one\n    2\x1b[31m\n"),
        ["d", "dir", 0o755, 0, None],
        keep(tmp_path, "n", b"\0"),
    ]
    found = [(file.how, file.path, file.lines) for file in scaffold_diff(tmp_path, before, after)]
    assert found == [
        ("changed", "main.py", ("@@ -1,2 +1,2 @@", " one", "-two", "+    2[31m")),
        ("removed", "old", ("@@ -1 +0,0 @@", "-x")),
        ("added", "n", ("1 bytes: no text, or of too many lines to compare",)),
        ("added", "d", ("@@ -0,0 +1 @@", "+dir")),
    ]


def test_a_content_that_is_not_there_or_too_long_is_said(tmp_path: Path) -> None:
    entries = [
        ["a", "file", 0o644, 5, "ab" * 32],
        ["b", "file", 0o644, 5, "../../etc/passwd"],
        ["c", "file", 0o644, 10**9, "cd" * 32],
    ]
    assert [file.lines for file in scaffold_diff(tmp_path, [], entries)] == [
        ("its content was not kept",), ("its content was not kept",), ("1000000000 bytes: too long to compare",),
    ]  # fmt: skip
    many = keep(tmp_path, "many", b"".join(b"%d\n" % i for i in range(500)))
    (file,) = scaffold_diff(tmp_path, [], [many])
    assert (len(file.lines), file.lines[-1]) == (61, "… 441 more lines")


def test_the_document_is_json_and_says_what_the_pages_say(run_view: RunViews) -> None:
    view = run_view()
    said = json.loads(json.dumps(document(view, None), allow_nan=False))
    assert (said["run"], said["graded"], said["verdict"], said["selftest"]) == (view.name, 24, None, None)
    assert said["comparisons"][0]["b"]["name"] == "2000"
    (strict,) = (one for one in said["series"] if one["metric"] == "cap/ml/L0/strict")
    assert [point["step"] for point in strict["points"]] == [0, 300, 2000]


def test_the_markdown_has_a_table_by_task_family(run_view: RunViews) -> None:
    text = markdown(run_view(), None)
    (line,) = (line for line in text.splitlines() if line.startswith("| pocket/300 |"))
    assert [cell.strip()[:4] for cell in line.split("|")] == ["", "pock", "0.57", "0.35", "-", "-", ""]
    assert "pocket/2000 against pocket/0, on the worlds that both met:" in text


def test_printable_text_keeps_its_spaces() -> None:
    assert printable("  a\u202e  b\x00") == "  a  b"
