"""A trend as inline SVG. Colours come from the page's style sheet, by class."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from experiments.reporting.axes import Axis
from experiments.reporting.charts import Chart, runs_of
from experiments.results.trend import Point

WIDTH, HEIGHT = 640, 280
LEFT, RIGHT, TOP, BOTTOM = 70, 16, 14, 40
#: Labels of the step axis that would lie closer than this are left out.
LABEL_GAP = 38


@dataclass(frozen=True, slots=True)
class _Scale:
    """From (step, value) to the picture's units."""

    first: int
    last: int
    axis: Axis

    def x(self, step: float) -> float:
        if self.first == self.last:
            return (LEFT + WIDTH - RIGHT) / 2
        inner = WIDTH - LEFT - RIGHT - 16
        return LEFT + 8 + inner * (step - self.first) / (self.last - self.first)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * self.axis.share(value)


#: For a picture that stands alone: the classes that the page's style sheet colours.
STYLE: Final = (
    "svg{font:13.5px sans-serif;background:#fff}.grid{stroke:#dcdfe3}.axis{stroke:#5a6573}.tick,.label{fill:#5a6573}"
    ".band{fill:#1f5fa8;fill-opacity:.14}.band.beside{fill:#a65a00;fill-opacity:.1}.strict{fill:none;stroke:#1f5fa8;stroke-width:2.2}"
    ".lenient{fill:none;stroke:#a65a00;stroke-width:1.8;stroke-dasharray:6 4}"
    ".whisker{stroke:#1f5fa8;stroke-opacity:.55}.mark{fill:#1f5fa8;stroke:#fff}"
    ".whisker.beside{stroke:#a65a00}.mark.beside{fill:#a65a00}"
    ".threshold{stroke:#b3261e;stroke-width:1.4;stroke-dasharray:2 4}.threshold-label{fill:#b3261e;font-size:13px}"
)


def standing_alone(chart: Chart) -> str:
    """The chart as an SVG file of its own, with its title above it."""
    body = trend_svg(chart, "trend").removeprefix('<svg class="trend" ')
    start, end, rest = body.partition(">")
    start = start.replace(f'viewBox="0 0 {WIDTH} {HEIGHT}"', f'viewBox="0 -24 {WIDTH} {HEIGHT + 24}"')
    title = f'<text x="{LEFT}" y="-6" font-weight="bold">{escape(chart.title)}</text>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {start}{end}<style>{STYLE}</style>{title}{rest}'


def trend_svg(chart: Chart, identifier: str) -> str:
    """The chart as one ``<svg>`` element; ``identifier`` must be unique in the page.

    Every piece of text in it is escaped.
    """
    steps = [point.checkpoint.step for point in chart.series.points]
    scale = _Scale(min(steps), max(steps), chart.axis)
    beside = chart.beside.points if chart.beside else ()
    told = chart.kind == "horizon"
    parts = [
        f'<svg class="trend" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-labelledby="{identifier}-t {identifier}-d">',
        f'<title id="{identifier}-t">{escape(chart.title)}</title>',
        f'<desc id="{identifier}-d">{escape(chart.summary)}</desc>',
        *_axes(scale, steps),
        *_thresholds(chart, scale),
        *(_band(beside, scale, "band beside") if told else ()),
        *_band(chart.series.points, scale, "band"),
        *_lines(beside, scale, "lenient"),
        *_lines(chart.series.points, scale, "strict"),
        *(_marks(chart, beside, scale, "beside") if told else ()),
        *_marks(chart, chart.series.points, scale, ""),
        "</svg>",
    ]
    return "".join(parts)


def _axes(scale: _Scale, steps: Sequence[int]) -> list[str]:
    parts: list[str] = []
    for i, (value, label) in enumerate(scale.axis.ticks):
        y = scale.y(value)
        kind = "axis" if i == 0 else "grid"
        parts.append(f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for step in _labelled(steps, scale):
        x, y = scale.x(step), HEIGHT - BOTTOM
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + 4}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{y + 17}" text-anchor="middle">{step}</text>')
    parts.append(
        f'<text class="label" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">'
        "step of the checkpoint</text>"
    )
    parts.append(f'<text class="label" transform="translate(11 {HEIGHT / 2 - 10}) rotate(-90)"'
                 f' text-anchor="middle">{scale.axis.label}</text>')  # fmt: skip
    return parts


def _labelled(steps: Sequence[int], scale: _Scale) -> list[int]:
    """The first and the last step, and of the others those that leave each other room."""
    ordered = sorted(set(steps))
    kept: list[int] = []
    for step in dict.fromkeys([ordered[0], ordered[-1], *reversed(ordered)]):
        if all(abs(scale.x(step) - scale.x(other)) >= LABEL_GAP for other in kept):
            kept.append(step)
    return kept


def _thresholds(chart: Chart, scale: _Scale) -> list[str]:
    parts: list[str] = []
    ends = [p.measured.value for p in chart.series.points if p.measured.value is not None] or [0.0]
    for line in chart.thresholds:
        if not scale.axis.low <= line.value <= scale.axis.high:
            continue
        y = scale.y(line.value)
        # At the end where the line of scores is farther away.
        left = abs(ends[0] - line.value) > abs(ends[-1] - line.value)
        x, anchor = (LEFT + 10, "start") if left else (WIDTH - RIGHT - 2, "end")
        parts.append(f'<line class="threshold" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="threshold-label" x="{x}" y="{y - 5:.1f}" text-anchor="{anchor}">'
            f"{escape(line.label)}</text>"
        )
    return parts


def _band(points: Sequence[Point], scale: _Scale, kind: str) -> list[str]:
    """What lies between the limits of the points that have both."""
    parts: list[str] = []
    for row in runs_of(points):
        limits = [(scale.x(p.checkpoint.step), p.measured.low, p.measured.high) for p in row]
        both = [(x, low, high) for x, low, high in limits if low is not None and high is not None]
        upper = [(x, scale.y(high)) for x, _, high in both]
        lower = [(x, scale.y(low)) for x, low, _ in both]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*upper, *reversed(lower)])
        parts.append(f'<polygon class="{kind}" points="{path}"/>')
    return parts


def _lines(points: Sequence[Point], scale: _Scale, kind: str) -> list[str]:
    return [
        f'<polyline class="{kind}" points="{" ".join(_place(point, scale) for point in row)}"/>'
        for row in runs_of(points)
    ]


def _place(point: Point, scale: _Scale) -> str:
    return f"{scale.x(point.checkpoint.step):.1f},{scale.y(point.measured.value or 0.0):.1f}"


def _marks(chart: Chart, points: Sequence[Point], scale: _Scale, kind: str) -> list[str]:
    """A dot for each checkpoint, and a whisker where there is an interval, with the numbers on hover."""
    parts: list[str] = []
    for point in points:
        m = point.measured
        if m.value is None:
            continue
        x, y = f"{scale.x(point.checkpoint.step):.1f}", f"{scale.y(m.value):.1f}"
        limits, whisker = "", ""
        if m.low is not None and m.high is not None:
            limits = f" [{chart.said(m.low)}, {chart.said(m.high)}]"
            ends = f'y1="{scale.y(m.low):.1f}" y2="{scale.y(m.high):.1f}"'
            whisker = f'<line class="{f"whisker {kind}".strip()}" x1="{x}" x2="{x}" {ends}/>'
        said = f"{point.checkpoint}: {chart.said(m.value)}{limits}, n = {m.n}"
        parts.append(
            f"<g><title>{escape(said)}</title>{whisker}"
            f'<circle class="{f"mark {kind}".strip()}" cx="{x}" cy="{y}" r="3.5"/></g>'
        )
    return parts
