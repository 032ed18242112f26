"""The report: one self-contained page, and the same in Markdown for a pull request.

Everything that a box may have made is escaped: for HTML by the templates, for Markdown by
``markdown_text``. The page loads nothing and runs nothing.
"""

import time
from collections import defaultdict
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from experiments.reading.view import RunView
from experiments.reporting import report_data, report_document
from experiments.reporting.charts import Chart, charts, horizon_charts, rate_charts
from experiments.reporting.lineage_svg import lineage_svg
from experiments.reporting.report_comparison import change_text, comparisons, direction, p_text, scope_text
from experiments.reporting.report_evidence import calibrated, self_test, visibility
from experiments.reporting.report_ledger import begin_ledger, sparkline
from experiments.reporting.report_lineage import descent, gain_text
from experiments.reporting.report_resources import uses
from experiments.reporting.report_sections import horizons, overview, sections
from experiments.reporting.svg import trend_svg
from experiments.results.table import NOISE, cell_text, findings_text, missing_text, result_table
from experiments.results.trend import trend
from experiments.text import counted, decimal, file_name, markdown_text, plain
from experiments.verdict.gate import Verdict


def html(view: RunView, verdict: Verdict | None) -> str:
    """The page for a browser: light, dark, print, offline."""
    said = _context(view, verdict)
    every = [
        *said["index"],
        *said["horizons"].charts,
        *said["charts"],
        *(chart for some in said["rates"].values() for chart in some),
    ]
    drawn = {chart.name: Markup(trend_svg(chart, f"trend-{i}")) for i, chart in enumerate(every)}
    linked = {report.code: report.anchor for report in said["codes"]}
    template = _environment(markdown=False).get_template("report.html.j2")
    picture = Markup(lineage_svg(said["descent"].lineage)) if said["descent"].edges else ""
    return template.render(said, drawn=drawn, linked=linked, lineage_picture=picture, config=_config(view))


def markdown(view: RunView, verdict: Verdict | None) -> str:
    """The same in GitHub's Markdown, without the pictures."""
    return _environment(markdown=True).get_template("report.md.j2").render(_context(view, verdict))


def document(view: RunView, verdict: Verdict | None) -> dict[str, Any]:
    """The same for a program: plain values, not escaped for anything."""
    return report_document.document(view, verdict, trend(view), _context(view, verdict))


def number(value: float | None) -> str:
    """``decimal`` without what only rounding leaves of zero; a dash for what was not measured."""
    return "–" if value is None else decimal(round(value, NOISE))


def amount(value: float | None) -> str:
    """A quantity: whole from 100 on, else with three digits; a dash for what is not known."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


# To compile the templates takes longer than to render a small run.
@cache
def _environment(*, markdown: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("experiments", "templates"),
        autoescape=False if markdown else select_autoescape(("html.j2",)),
        finalize=markdown_text if markdown else None,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "plain": plain,
        "counted": counted,
        "number": number,
        "cell": cell_text,
        "findings": findings_text,
        "missing": missing_text,
        "file_name": file_name,
        "instant": lambda at: time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at)),
        "amount": amount,
        "scope": scope_text,
        "gain": gain_text,
        "sparkline": lambda one: Markup(sparkline(one)),
        "change": change_text,
        "direction": direction,
        "p": p_text,
        "capitalised": lambda text: text[:1].upper() + text[1:],
    }
    return environment


def _context(view: RunView, verdict: Verdict | None) -> dict[str, Any]:
    descended = descent(view)
    obtained = begin_ledger(view)  # other processes read it meanwhile
    measured = trend(view)
    results = view.results()
    policy = verdict.policy if verdict else None
    every = charts(measured, policy)
    index = [chart for chart in every if chart.group == "index"]
    drawn = every[len(index) :]
    rates: defaultdict[str, list[Chart]] = defaultdict(list)
    for chart in rate_charts(measured, policy):
        rates[chart.series.metric.split("/")[1]].append(chart)
    table = result_table(view)
    seen = visibility(view)
    return {
        "view": view,
        "verdict": verdict,
        "meaning": report_data.MEANING[verdict.outcome] if verdict else "No policy was applied.",
        "episodes": len(results),
        "graded": sum(result.line.score is not None for result in results),
        "charts": drawn,
        "index": index,
        "horizons": horizons(horizon_charts(measured, policy), measured),
        "rates": rates,
        "sections": sections(drawn, table),
        "overview": overview(drawn, table),
        "table": table,
        "comparisons": comparisons(view.of_models(), verdict.baseline if verdict else None),
        "descent": descended,
        "uses": uses(view),
        "visibility": seen,
        "calibrated": calibrated(seen),
        "blind": sum(one.least is not None and one.least < 1 for one in seen),
        "self_test": self_test(view),
        "codes": report_data.findings_by_code(view),
        "not_measured": report_data.not_measured(view, measured),
        "caveats": report_data.caveats(view),
        "versions": report_data.versions(view, verdict),
        "obtained": obtained(),
    }


def _config(view: RunView) -> str | None:
    """The config as stored with the run, or None where it is not there."""
    path = view.directory / "experiment.yaml"
    return path.read_text("utf-8") if path.exists() else None
