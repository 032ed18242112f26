"""Time horizons of several agents as a picture: a row for each, p50 and p80 with their intervals on an axis of lengths."""

from collections.abc import Mapping
from datetime import date
from html import escape
from typing import Final

from experiments.reporting.axes import Axis, duration, of_minutes
from experiments.results.horizon import Horizons
from experiments.stats.horizon.estimate import Horizon
from experiments.text import plain

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BOTTOM = 860, 250, 24, 64, 30, 54
#: A row's share of success, its kind, and how far from the row's middle it is drawn.
_DRAWN: Final = ((0.5, "p50", -5), (0.8, "p80", 6))
_STYLE: Final = (
    "svg{font:13px system-ui,sans-serif;background:#fff}text{fill:#1c2430}.note{fill:#5a6573}.grid{stroke:#dcdfe3}"
    ".p50{stroke:#1f5fa8;fill:#1f5fa8}.p80{stroke:#a65a00;fill:#a65a00}line.p80{stroke-dasharray:5 3}"
    "@media (prefers-color-scheme:dark){svg{background:#1a2029}text{fill:#e4e8ee}.note{fill:#9ba6b4}"
    ".grid{stroke:#323b47}.p50{stroke:#7fb4f0;fill:#7fb4f0}.p80{stroke:#f0b060;fill:#f0b060}}"
)


def horizons_svg(found: Horizons, dates: Mapping[str, date], title: str) -> str:
    """An SVG file that needs nothing else; every text in it is escaped.

    Agents stand in the order of their dates, those without one after them as they were met.
    """
    agents = sorted(found.agents, key=lambda agent: (agent not in dates, dates.get(agent, date.min)))
    known = {
        (agent, share): found.analysis.horizon(agent, share) for agent in agents for share, _, _ in _DRAWN
    }
    drawn = [one for one in known.values() if one.minutes is not None]
    limits = [limit for one in drawn for limit in (one.low, one.high) if limit is not None]
    axis = of_minutes("", [one.minutes for one in drawn if one.minutes is not None], limits)
    height = _TOP + _ROW * len(agents) + _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" role="img">',
        f"<title>{escape(plain(title))}</title><style>{_STYLE}</style>",
        f'<text x="14" y="24" font-weight="bold">{escape(plain(title, 90))}</text>',
        *_legend(height, found),
        *_grid(axis, height),
    ]
    for row, agent in enumerate(agents):
        y = _TOP + _ROW * row + _ROW / 2
        label = plain(agent, 30) + (f" · {dates[agent]}" if agent in dates else "")
        parts.append(f'<text x="{_LEFT - 12}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>')
        for share, kind, aside in _DRAWN:
            parts += _mark(agent, known[agent, share], axis, kind, y + aside)
        if all(known[agent, share].minutes is None for share, _, _ in _DRAWN):
            cause = escape(plain(known[agent, 0.5].cause or "not measured", 90))
            parts.append(f'<text class="note" x="{_LEFT + 6}" y="{y + 4:.1f}">{cause}</text>')
    return "".join([*parts, "</svg>\n"])


def _legend(height: int, found: Horizons) -> list[str]:
    grown = found.doubling
    said = f"doubling time: {grown.cause}"
    if grown.days is not None:
        interval = "" if grown.low is None or grown.high is None else f" [{grown.low:.4g}, {grown.high:.4g}]"
        said = f"doubling time: {grown.days:.4g} days{interval}"
    parts = [f'<text class="note" x="14" y="{height - 12}">{escape(plain(said, 120))}</text>']
    for x, kind, meaning in ((14, "p50", "half of the time"), (186, "p80", "80 % of the time")):
        parts.append(f'<line class="{kind}" x1="{x}" x2="{x + 22}" y1="43" y2="43"/>')
        parts.append(f'<circle class="{kind}" cx="{x + 11}" cy="43" r="4"/>')
        parts.append(f'<text class="note" x="{x + 30}" y="47">{kind}, {meaning}</text>')
    parts.append('<text class="note" x="366" y="47">length of task in a person\'s time, 95 % interval</text>')
    return parts


def _grid(axis: Axis, height: int) -> list[str]:
    parts: list[str] = []
    for value, label in axis.ticks:
        x = _x(axis, value)
        parts.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{height - _BOTTOM}"/>'
            f'<text class="note" x="{x:.1f}" y="{height - _BOTTOM + 16}" text-anchor="middle">{label}</text>'
        )
    return parts


def _mark(agent: str, one: Horizon, axis: Axis, kind: str, y: float) -> list[str]:
    if one.minutes is None:
        return []
    limits, line = "", ""
    if one.low is not None and one.high is not None:
        limits = f" [{duration(one.low)}, {duration(one.high)}]"
        ends = f'x1="{_x(axis, one.low):.1f}" x2="{_x(axis, one.high):.1f}"'
        line = f'<line class="{kind}" {ends} y1="{y:.1f}" y2="{y:.1f}"/>'
    said = escape(f"{plain(agent, 60)}, {kind}: {duration(one.minutes)}{limits}")
    dot = f'<circle class="{kind}" cx="{_x(axis, one.minutes):.1f}" cy="{y:.1f}" r="4"/>'
    return [f"<g><title>{said}</title>{line}{dot}</g>"]


def _x(axis: Axis, minutes: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * axis.share(minutes)
