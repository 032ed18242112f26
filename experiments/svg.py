"""A trend as inline SVG. Colours come from the page's style sheet, by class."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from experiments.charts import Chart, runs_of
from experiments.text import decimal
from experiments.trend import Point

WIDTH, HEIGHT = 640, 280
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 14, 40
#: Labels of the step axis that would lie closer than this are left out.
LABEL_GAP = 38


@dataclass(frozen=True, slots=True)
class _Scale:
    """From (step, score) to the picture's units."""

    first: int
    last: int
    top: float

    def x(self, step: float) -> float:
        if self.first == self.last:
            return (LEFT + WIDTH - RIGHT) / 2
        inner = WIDTH - LEFT - RIGHT - 16
        return LEFT + 8 + inner * (step - self.first) / (self.last - self.first)

    def y(self, score: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * score / self.top


#: For a picture that stands alone: the classes that the page's style sheet colours.
STYLE: Final = (
    "svg{font:13.5px sans-serif;background:#fff}.grid{stroke:#dcdfe3}.axis{stroke:#5a6573}.tick,.label{fill:#5a6573}"
    ".band{fill:#1f5fa8;fill-opacity:.14}.strict{fill:none;stroke:#1f5fa8;stroke-width:2.2}"
    ".lenient{fill:none;stroke:#a65a00;stroke-width:1.8;stroke-dasharray:6 4}"
    ".whisker{stroke:#1f5fa8;stroke-opacity:.55}.mark{fill:#1f5fa8;stroke:#fff}"
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
    scale = _Scale(min(steps), max(steps), chart.top)
    parts = [
        f'<svg class="trend" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-labelledby="{identifier}-t {identifier}-d">',
        f'<title id="{identifier}-t">{escape(chart.title)}</title>',
        f'<desc id="{identifier}-d">{escape(chart.summary)}</desc>',
        *_axes(chart, scale, steps),
        *_thresholds(chart, scale),
        *_band(chart.series.points, scale),
        *(_lines(chart.beside.points, scale, "lenient") if chart.beside else ()),
        *_lines(chart.series.points, scale, "strict"),
        *_marks(chart.series.points, scale),
        "</svg>",
    ]
    return "".join(parts)


def _axes(chart: Chart, scale: _Scale, steps: Sequence[int]) -> list[str]:
    parts: list[str] = []
    for i in range(round(chart.top / chart.tick) + 1):
        y = scale.y(i * chart.tick)
        kind = "axis" if i == 0 else "grid"
        parts.append(f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{i * chart.tick:g}</text>'
        )
    for step in _labelled(steps, scale):
        x, y = scale.x(step), HEIGHT - BOTTOM
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + 4}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{y + 17}" text-anchor="middle">{step}</text>')
    parts.append(
        f'<text class="label" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">'
        "step of the checkpoint</text>"
    )
    parts.append(f'<text class="label" transform="translate(11 {HEIGHT / 2 - 10}) rotate(-90)"'
                 f' text-anchor="middle">{chart.axis}</text>')  # fmt: skip
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


def _band(points: Sequence[Point], scale: _Scale) -> list[str]:
    parts: list[str] = []
    for row in runs_of(points):
        limits = [(p.checkpoint.step, p.measured.low, p.measured.high) for p in row]
        upper = [(scale.x(s), scale.y(high)) for s, _, high in limits if high is not None]
        lower = [(scale.x(s), scale.y(low)) for s, low, _ in limits if low is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*upper, *reversed(lower)])
        parts.append(f'<polygon class="band" points="{path}"/>')
    return parts


def _lines(points: Sequence[Point], scale: _Scale, kind: str) -> list[str]:
    return [
        f'<polyline class="{kind}" points="{" ".join(_place(point, scale) for point in row)}"/>'
        for row in runs_of(points)
    ]


def _place(point: Point, scale: _Scale) -> str:
    return f"{scale.x(point.checkpoint.step):.1f},{scale.y(point.measured.value or 0.0):.1f}"


def _marks(points: Sequence[Point], scale: _Scale) -> list[str]:
    """A whisker and a dot for each checkpoint, with its numbers on hover."""
    parts: list[str] = []
    for point in points:
        m = point.measured
        if m.value is None or m.low is None or m.high is None:
            continue
        x = f"{scale.x(point.checkpoint.step):.1f}"
        said = f"{point.checkpoint}: {decimal(m.value)} [{decimal(m.low)}, {decimal(m.high)}], n = {m.n}"
        parts.append(
            f"<g><title>{escape(said)}</title>"
            f'<line class="whisker" x1="{x}" x2="{x}" y1="{scale.y(m.low):.1f}" y2="{scale.y(m.high):.1f}"/>'
            f'<circle class="mark" cx="{x}" cy="{scale.y(m.value):.1f}" r="3.5"/></g>'
        )
    return parts
