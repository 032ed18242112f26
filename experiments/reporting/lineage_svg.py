"""The lineage of scaffolds as a picture: versions from left to right by depth, edges with what they gained."""

from html import escape
from typing import Final

from experiments.results.lineage import Edge, Lineage, Node

_COLUMN, _ROW, _LEFT, _TOP = 230, 46, 12, 42
_BOX_WIDTH, _BOX_HEIGHT, _LEAST_WIDTH = 150, 30, 520
#: Versions that are drawn, those that most episodes began or ended with first; the rest are counted.
MAX_NODES: Final = 60
#: Each rule for this picture alone: within a page a style holds for all pictures.
_STYLE: Final = (
    ".lineage text{font:11px system-ui,sans-serif;fill:#1d1d1f}.lineage .note{fill:#6b6b70}"
    ".lineage .gain{paint-order:stroke;stroke:#fff;stroke-width:3px}"
    ".lineage .node{fill:#fff;stroke:#6b6b70}.lineage .given{fill:#eef2f7}.lineage .debt{stroke:#b3261e;stroke-width:2}"
    ".lineage .edge{fill:none;stroke:#9a9aa0}.lineage .claim{stroke:#b3261e}.lineage .sure{stroke-width:2.5}"
    "@media (prefers-color-scheme:dark){.lineage text{fill:#ececf0}.lineage .note{fill:#a0a0a8}"
    ".lineage .gain{stroke:#1a2029}"
    ".lineage .node{fill:#1d1d1f}.lineage .given{fill:#2a3340}}"
)


def lineage_svg(lineage: Lineage) -> str:
    """One ``<svg>`` element that needs nothing else; every text in it is escaped.

    A red edge makes an edit that bears on oversight, a red box has such edits that are not taken back, a thick
    edge surely gained on held-out material. Details are on hover.
    """
    drawn = sorted(lineage.nodes, key=lambda node: -(node.started + node.ended))[:MAX_NODES]
    places = _places(drawn, lineage)
    width = max(_LEFT + _COLUMN * (max((node.depth for node in drawn), default=0) + 1), _LEAST_WIDTH)
    height = _TOP + _ROW * max((row for _, row in places.values()), default=0) + _ROW
    inside = [edge for edge in lineage.edges if edge.parent in places and edge.child in places]
    return "".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lineage" viewBox="0 0 {width} {height}" width="{width}" role="img">',
        f"<title>{escape(_summary(lineage))}</title><style>{_STYLE}</style>",
        f'<text class="note" x="12" y="20">{escape(_legend(lineage, len(drawn)))}</text>',
        *(_edge(edge, places) for edge in inside),
        *(_node(node, places) for node in drawn),
        "</svg>",
    ])  # fmt: skip


def _places(drawn: list[Node], lineage: Lineage) -> dict[str, tuple[int, int]]:
    """Id → column and row: a column for each depth, near the row of the parent."""
    parents = {edge.child: edge.parent for edge in reversed(lineage.edges)}
    places: dict[str, tuple[int, int]] = {}
    for depth in sorted({node.depth for node in drawn}):
        column = [node.id for node in drawn if node.depth == depth]
        column.sort(key=lambda name: (places.get(parents.get(name, ""), (0, 0))[1], name))
        places |= {name: (depth, row) for row, name in enumerate(column)}
    return places


def _summary(lineage: Lineage) -> str:
    made = sum(node.origin == "agent" for node in lineage.nodes)
    return (
        f"Lineage of scaffolds: {len(lineage.nodes)} versions, {made} made by agents, depth {lineage.depth},"
        f" effective depth {lineage.effective_depth}"
    )


def _legend(lineage: Lineage, drawn: int) -> str:
    left_out = len(lineage.nodes) - drawn
    return _summary(lineage) + (f"; {left_out} not drawn" if left_out else "")


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    return _LEFT + place[0] * _COLUMN, _TOP + place[1] * _ROW


def _node(node: Node, places: dict[str, tuple[int, int]]) -> str:
    x, y = _corner(places[node.id])
    kind = "node" + (" given" if node.origin == "given" else "") + (" debt" if node.debt else "")
    debt = "not known" if node.debt is None else str(node.debt)
    said = (
        f"{node.id}: {node.origin}, depth {node.depth}, effective depth {node.effective}, oversight debt {debt},"
        f" {node.started} episodes began with it, {node.ended} ended with it"
    )
    return (
        f'<g><title>{escape(said)}</title><rect class="{kind}" x="{x}" y="{y}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="5"/>'
        f'<text x="{x + 8}" y="{y + 13}">{escape(node.id[:10])}</text>'
        f'<text class="note" x="{x + 8}" y="{y + 25}">{node.started} began, {node.ended} ended</text></g>'
    )


def _edge(edge: Edge, places: dict[str, tuple[int, int]]) -> str:
    (x1, y1), (x2, y2) = _corner(places[edge.parent]), _corner(places[edge.child])
    x1, y1, y2 = x1 + _BOX_WIDTH, y1 + _BOX_HEIGHT // 2, y2 + _BOX_HEIGHT // 2
    kind = "edge" + (" claim" if edge.codes else "") + (" sure" if edge.effective else "")
    gain = edge.gain_held
    held = (
        f"held-out gain {gain.mean:+.2f}, {gain.clusters} worlds"
        if gain.mean is not None
        else str(gain.cause)
    )
    kinds = ", ".join(f"{name} {count}" for name, count in edge.kinds.items())
    said = f"{len(edge.by)} episodes; {held}; {kinds}; claims: {', '.join(edge.codes) or 'none'}"
    middle = (x1 + x2) // 2
    label = f"{gain.mean:+.2f}" if gain.mean is not None else ""
    return (
        f'<g><title>{escape(said)}</title><path class="{kind}" d="M{x1},{y1} C{middle},{y1} {middle},{y2} {x2},{y2}"/>'
        f'<text class="note gain" x="{x2 - 6}" y="{y2 - 4}" text-anchor="end">{label}</text></g>'
    )
