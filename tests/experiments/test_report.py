"""The report shows everything, escapes everything, and loads nothing."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from experiments.planning.policy import load_policy
from experiments.reading.view import RunView
from experiments.record.records import LedgerLine
from experiments.reporting.charts import charts, rate_charts
from experiments.reporting.report import html, markdown
from experiments.reporting.svg import standing_alone, trend_svg
from experiments.results.trend import trend
from experiments.text import markdown_text, plain
from experiments.verdict.gate import judge

RunViews = Callable[..., RunView]
Lines = Callable[..., LedgerLine]
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>|\n\x1b[31m\u202eevil [a](javascript:1) `x`"


class Tags(HTMLParser):
    """Collects what a browser would see as elements and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def hostile_view(run_view: RunViews, ledger_line: Lines) -> RunView:
    finding: dict[str, Any] = {
        "code": "scaffold.edit",
        "severity": 2,
        "t": 1,
        "evidence": [7, 9],
        "note": HOSTILE,
    }
    lines = [
        ledger_line(0, "ml/tab", 0, 0.5, findings=[finding]),
        ledger_line(0, "ml/tab", 1, None, ungraded=HOSTILE),
    ]
    view = run_view(lines=lines, checkpoints=[lines[0].checkpoint], lost=["e"])
    (view.directory / "experiment.yaml").write_text(f"suite: {HOSTILE}\n")
    return view


def test_agent_text_never_becomes_an_element(run_view: RunViews, ledger_line: Lines) -> None:
    view = hostile_view(run_view, ledger_line)
    tags = Tags()
    page = html(view, judge(load_policy("quickstart"), view))
    tags.feed(page)
    names = {name for name, _ in tags.seen}
    assert not names & {"script", "img", "iframe", "object", "link"}
    assert not [attrs for _, attrs in tags.seen if any(key.startswith("on") for key in attrs)]
    assert "&lt;script&gt;alert(1)" in page and "\u202e" not in page.split("<pre>")[0]


def test_the_page_loads_nothing_from_anywhere(run_view: RunViews) -> None:
    tags = Tags()
    tags.feed(html(run_view(), None))
    targets = [value for _, attrs in tags.seen for key, value in attrs.items() if key in ("href", "src")]
    assert targets and all(target and target.startswith("#") for target in targets)


def test_the_page_names_verdict_evidence_and_what_is_missing(run_view: RunViews, ledger_line: Lines) -> None:
    view = hostile_view(run_view, ledger_line)
    page = re.sub(r"\s+", " ", html(view, judge(load_policy("quickstart"), view)))
    assert '<span class="badge">inconclusive</span>' in page
    assert ">events 7, 9</a> of <code>episodes/e0-ml-tab-0/0/events.jsonl</code>" in page
    assert "<dt>1 episode lost</dt>" in page
    assert "<dt>containment</dt><dd>no self-test was taken</dd>" in page
    assert "understands one template language" in page
    assert "0123abcd" * 8 in page


def test_a_run_without_episodes_still_has_a_report(run_view: RunViews) -> None:
    view = run_view(lines=[], pending=["e"])
    verdict = judge(load_policy("preparedness"), view)
    assert "No checkpoint has a graded episode." in html(view, verdict)
    assert "1 episode pending: planned and not yet run" in markdown(view, verdict)


def test_markdown_holds_no_link_tag_or_extra_cell(run_view: RunViews, ledger_line: Lines) -> None:
    text = markdown(hostile_view(run_view, ledger_line), None)
    assert "<script>" not in text and "](javascript" not in text
    assert markdown_text("a|b\n<i>`@x`") == "a\\|b \\<i\\>\\`\\@x\\`"


def test_markdown_tables_have_one_width(run_view: RunViews) -> None:
    text = markdown(run_view(), judge(load_policy("quickstart"), run_view()))
    parts = [part.strip() for part in text.split("\n\n")]
    widths = [
        {len(re.findall(r"(?<!\\)\|", line)) for line in part.splitlines()}
        for part in parts
        if part[0] == "|"
    ]
    assert widths == [{6}, {9}, {9}]


def test_each_trend_is_well_formed_svg_with_a_name_and_a_description(run_view: RunViews) -> None:
    drawn = charts(trend(run_view()), load_policy("quickstart"))
    assert [chart.title for chart in drawn] == ["ml/L0 · pocket", "selfmod/L0 · pocket"]
    root = ElementTree.fromstring(trend_svg(drawn[0], "t"))
    assert root.attrib["aria-labelledby"] == "t-t t-d"
    assert root.findtext("title") == "ml/L0 · pocket"
    assert (root.findtext("desc") or "").startswith("strict score by step: 0 0.00 (0.00 to 1.20); 300 0.57")
    shown = [element.text for element in root.iter("text")]
    assert "solves-all: lower limit ≥ 0.8" in shown and "step of the checkpoint" in shown


def test_trends_of_scores_have_one_scale_so_that_they_compare(run_view: RunViews) -> None:
    drawn = charts(trend(run_view()), None)
    assert len({chart.highest for chart in drawn}) == 2
    assert {chart.axis.high for chart in drawn} == {2.0}


def test_the_rate_of_a_finding_is_drawn_where_it_was_made_or_the_policy_has_a_line(
    run_view: RunViews, ledger_line: Lines
) -> None:
    found = {"code": "scaffold.edit", "severity": 0, "t": 1, "evidence": [1], "note": ""}
    lines = [ledger_line(step, "ml/tab", 0, 0.5, findings=[found] if step else []) for step in (0, 300)]
    measured = trend(run_view(lines=lines, checkpoints=[line.checkpoint for line in lines]))
    (edits,) = rate_charts(measured, None)
    assert (edits.title, edits.axis.label, edits.axis.high, edits.beside) == (
        "scaffold.edit · pocket",
        "share of episodes",
        1.0,
        None,
    )
    assert edits.summary == "rate by step: 0 0.00 (0.00 to 0.97); 300 1.00 (0.03 to 1.00)"
    drawn = {chart.group: len(chart.thresholds) for chart in rate_charts(measured, load_policy("quickstart"))}
    assert drawn == {
        "cheat.memorised/rate": 1,
        "cheat.scorer/rate": 1,
        "scaffold.edit/rate": 0,
        "severity-3/rate": 1,
    }


def test_an_axis_of_small_shares_has_small_steps(run_view: RunViews, ledger_line: Lines) -> None:
    found = {"code": "scaffold.edit", "severity": 0, "t": 1, "evidence": [1], "note": ""}
    lines = [
        ledger_line(0, "ml/tab", world, 0.5, findings=[found] if world == 0 else []) for world in range(60)
    ]
    (chart,) = rate_charts(trend(run_view(lines=lines, checkpoints=[lines[0].checkpoint])), None)
    assert chart.axis.ticks == ((0.0, "0"), (0.05, "0.05"), (0.1, "0.1"))


def test_a_picture_that_stands_alone_is_svg_with_its_own_colours(run_view: RunViews) -> None:
    root = ElementTree.fromstring(standing_alone(charts(trend(run_view()), None)[0]))
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and root.attrib["viewBox"] == "0 -24 640 304"
    assert any(".strict{" in (element.text or "") for element in root.iter())


def test_a_line_is_not_drawn_across_an_unmeasured_checkpoint(run_view: RunViews) -> None:
    view = run_view()
    view.lines[:] = [line for line in view.lines if line.checkpoint.step != 300]
    root = ElementTree.fromstring(trend_svg(charts(trend(view), None)[0], "t"))
    strict = [line for line in root.iter("polyline") if line.attrib["class"] == "strict"]
    assert len(strict) == 2


def test_shown_text_has_no_control_or_direction_characters() -> None:
    assert plain("a\x1b[31m\u202eb\x00\n c") == "a[31mb c"
    assert plain("x" * 500, 10) == "xxxxxxxxx…"
