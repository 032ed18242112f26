"""A trend as PNG, for the tracking server: its UI draws neither bands nor thresholds."""

from io import BytesIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from experiments.reporting.charts import Chart, runs_of

STRICT, LENIENT, LINE = "#1f5fa8", "#b06000", "#b3261e"


def trend_png(chart: Chart) -> bytes:
    """The chart with its 95 % band and policy lines, 1200 x 825 pixels."""
    figure = Figure(figsize=(8, 5.5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for i, row in enumerate(runs_of(chart.series.points)):
        steps = [point.checkpoint.step for point in row]
        values = [point.measured.value or 0.0 for point in row]
        below = [value - (p.measured.low or 0.0) for value, p in zip(values, row, strict=True)]
        above = [(p.measured.high or 0.0) - value for value, p in zip(values, row, strict=True)]
        label = f"{chart.what}, 95 % interval" if i == 0 else None
        axes.errorbar(steps, values, yerr=[below, above], color=STRICT, marker="o", capsize=3, label=label)
        axes.fill_between(
            steps, [p.measured.low or 0.0 for p in row], [p.measured.high or 0.0 for p in row],
            color=STRICT, alpha=0.12,
        )  # fmt: skip
    for i, row in enumerate(runs_of(chart.beside.points if chart.beside else ())):
        axes.plot(
            [p.checkpoint.step for p in row], [p.measured.value or 0.0 for p in row],
            color=LENIENT, linestyle="--", label="lenient" if i == 0 else None,
        )  # fmt: skip
    for line in chart.thresholds:
        axes.axhline(line.value, color=LINE, linestyle=":", label=_literal(line.label))
    axes.set_title(_literal(chart.title), fontsize="x-large")
    axes.set_xlabel("step of the checkpoint", fontsize="large")
    axes.set_ylabel(chart.axis.label, fontsize="large")
    axes.set_ylim(0, chart.axis.high)
    axes.legend(loc="best", fontsize="medium")
    buffer = BytesIO()
    # Without the library's own metadata the same chart gives the same bytes.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _literal(text: str) -> str:
    """``text`` with the sign that would start a formula taken literally."""
    return text.replace("$", r"\$")
