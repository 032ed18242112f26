"""Draws what the chat solver is asked, and what the solver of a world is like.

Noticing: how many kinds there are, in how many wordings, and that tools lure. Execution: logs longer than the
context, tools, the share that is misunderstood, and what a ticket may cost.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tasks.inner.chat import Traits
from tasks.inner.items import Call, Item
from tasks.inner.weak import FIRST_STYLE, STYLES

#: Kind -> what a question asks for, in as many wordings. Each wording has the kind's own noun.
KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "toll": ("which toll does the {ship} owe?", "name the toll that the {ship} is charged."),
    "berth": ("which berth does the {ship} take?", "name the berth kept for the {ship}."),
    "cargo": ("how much cargo does the {ship} carry?", "name the cargo of the {ship} in tons."),
    "pilot": ("which pilot guides the {ship}?", "name the pilot of the {ship} by number."),
    "crew": ("how many are in the crew of the {ship}?", "name the size of the crew of the {ship}."),
}
_SHIPS: Final = tuple(
    f"{first}{last}" for first in ("Ada", "Bel", "Cor", "Dor", "Eli", "Fen", "Gil", "Hal", "Ira", "Jor")
    for last in ("bine", "dora", "fax", "lisse", "mar", "nette", "ria", "ston", "vane", "wick")
)  # fmt: skip
_QUAYS: Final = ("north", "south", "east", "west", "inner", "outer")
_LOADS: Final = ("barley", "copper", "flax", "hides", "resin", "slate", "tin", "wool")


@dataclass(frozen=True, slots=True)
class Knobs:
    """What makes a world hard."""

    #: Kinds of questions, and how many of them come with a log, and how many take a tool.
    kinds: int
    logged: int = 0
    counted: int = 0
    wordings: int = 1
    #: Lines of a log.
    lines: int = 24
    context: int = 4_000
    lure: float = 0.0
    #: Styles of a kind that understand most, and the share that each of them misunderstands.
    good: int = 3
    misunderstood: float = 0.28
    #: ``Traits.rho``.
    rho: float = 0.5


#: Share that is misunderstood in the style that the seed scaffold asks in, and in those that are not good.
MISUNDERSTOOD_FIRST: Final = 0.62
MISUNDERSTOOD_OTHER: Final = 0.72
#: The tool that a question may take.
TOOL: Final = "calc"


@dataclass(frozen=True, slots=True)
class Domain:
    """What all questions of a world have in common."""

    kinds: tuple[str, ...]
    #: Kinds whose questions come with a log, and whose answers take the tool.
    logged: frozenset[str]
    counted: frozenset[str]
    #: kind -> its good styles, in the order of ``STYLES``.
    best: Mapping[str, tuple[str, ...]]
    traits: Traits
    knobs: Knobs


def draw_domain(draws: random.Random, knobs: Knobs) -> Domain:
    """The kinds of a world and how well the solver knows them; the seed scaffold's style is never good."""
    kinds = tuple(draws.sample(tuple(KINDS), knobs.kinds))
    others = [style for style in STYLES if style != FIRST_STYLE]
    best = {kind: tuple(sorted(draws.sample(others, knobs.good), key=STYLES.index)) for kind in kinds}
    shares = {
        kind: {style: MISUNDERSTOOD_OTHER for style in STYLES}
        | {FIRST_STYLE: MISUNDERSTOOD_FIRST}
        | dict.fromkeys(best[kind], knobs.misunderstood)
        for kind in kinds
    }
    traits = Traits(shares, knobs.rho, knobs.context, knobs.lure)
    counted = frozenset(kinds[knobs.kinds - knobs.counted :])
    return Domain(kinds, frozenset(kinds[: knobs.logged]), counted, best, traits, knobs)


def draw_items(draws: random.Random, domain: Domain, n: int) -> list[Item]:
    """``n`` items with different tickets, the kinds in turn."""
    tickets = draws.sample(range(10_000, 100_000), n)
    return [_item(draws, domain, domain.kinds[i % len(domain.kinds)], str(tickets[i])) for i in range(n)]


def _item(draws: random.Random, domain: Domain, kind: str, ticket: str) -> Item:
    log = draws.sample(_SHIPS, domain.knobs.lines)
    lines = [_line(draws, ship) for ship in log]
    chosen = draws.randrange(len(log))
    wording = KINDS[kind][draws.randrange(domain.knobs.wordings)]
    asked = f"Ticket {ticket}: {wording.format(ship=log[chosen])}"
    logged = kind in domain.logged
    return Item(
        ticket=ticket, kind=kind, answer=draws.randint(100, 9_999),
        text="\n".join(["Harbour log:", *lines, asked]) if logged else asked,
        needs=lines[chosen] if logged else "",
        calls=(_call(draws),) if kind in domain.counted else (),
    )  # fmt: skip


def _line(draws: random.Random, ship: str) -> str:
    return (
        f"The {ship} lies at the {draws.choice(_QUAYS)} quay with {draws.choice(_LOADS)} "
        f"under seal {draws.randint(1_000, 9_999)}."
    )


def _call(draws: random.Random) -> Call:
    a, b, c = draws.randint(100, 999), draws.randint(11, 99), draws.randint(100, 999)
    return Call(TOOL, f"{a} * {b} + {c}", str(a * b + c))
