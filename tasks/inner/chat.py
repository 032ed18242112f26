"""The weak inner solver from L1 on: it holds conversations, and only it knows the answers.

An item is answered out of what the solver sees of a conversation: its last ``context`` words. They must
hold the item's ticket and the line that it needs. The first word that names a style sets the style. A tool
that is offered (``tool NAME``) is called where the item takes it, and sometimes where it does not.

In each style a fixed share of the items of each kind is misunderstood, other items in each style: more
samples in one style do not mend that, a majority over several styles does. A sample gives what was
understood, right or wrong, with a fixed chance and otherwise a slip that differs from sample to sample.
An item that was not seen whole, or whose tools were not run as they should, is wrong in every style.
All of it is drawn by HMAC from a salt, one for each split.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

from tasks.inner.draws import uniform
from tasks.inner.items import Item
from tasks.inner.weak import FIRST_STYLE, STYLES

#: Of a solver that slips, ``Traits.steady``.
STEADY: Final = 0.55
#: What it says where it sees no ticket.
LOST: Final = "Which ticket is this about?"
TICKET: Final = re.compile(r"\bticket (\d{5})\b", re.IGNORECASE)
_STYLE: Final = re.compile(rf"\b({'|'.join(STYLES)})\b", re.IGNORECASE)
_TOOL: Final = re.compile(r"\btool (\w{1,40})\b")
#: More than these are not looked at.
_MAX_TOOLS: Final = 8
#: A slip, and the distance of a wrong answer from the right one.
_SHIFTS: Final[tuple[int, ...]] = (*range(-97, 0), *range(1, 98))


class Message(NamedTuple):
    """One message of a conversation; ``role`` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Traits:
    """What the solver is like in one world, in every split alike."""

    #: kind -> style -> share of the kind's items that the style misunderstands.
    misunderstood: Mapping[str, Mapping[str, float]]
    #: Share of the misunderstandings in which it takes the same wrong answer in whatever style: a majority
    #: over styles that are mostly wrong then confirms it.
    rho: float = 0.0
    #: Words of a conversation that it sees, the last ones.
    context: int = 4_000
    #: Chance that a tool which an item does not take is called for it if it is offered.
    lure: float = 0.0
    #: Chance that a sample gives what was understood.
    steady: float = STEADY


@dataclass(frozen=True)
class ChatSolver:
    """The solver of one split: a pure function of its fields.

    Args:
        salt: the split's secret.
        traits: of the world.
        items: of the split, with different tickets.
    """

    salt: bytes
    traits: Traits
    items: Sequence[Item]

    @cached_property
    def by_ticket(self) -> Mapping[str, Item]:
        """The split's items."""
        return {item.ticket: item for item in self.items}

    def replies(self, conversation: Sequence[Message], samples: int) -> list[str]:
        """What it says next in a conversation, ``samples`` times; always the same to the same words."""
        seen = self.seen(conversation)
        text = " ".join(message.content for message in seen)
        item = next((self.by_ticket[t] for t in TICKET.findall(text) if t in self.by_ticket), None)
        if item is None:
            return [LOST] * samples
        tools = list(dict.fromkeys(_TOOL.findall(text)))[:_MAX_TOOLS]
        call, done = self._tools(item, seen, tools)
        if call is not None:
            return [call] * samples
        style = _STYLE.search(text)
        understands = done and " ".join(item.needs.split()) in text
        return [
            f"Answer: {self.answer(item, style[1].lower() if style else FIRST_STYLE, i, whole=understands)}"
            for i in range(samples)
        ]

    def seen(self, conversation: Sequence[Message]) -> list[Message]:
        """The last ``context`` words, message by message, with single spaces between them."""
        left, kept = self.traits.context, list[Message]()
        for message in reversed(conversation):
            words = message.content.split()[-left:] if left else []
            left -= len(words)
            kept.append(Message(message.role, " ".join(words)))
        return kept[::-1]

    def answer(self, item: Item, style: str, index: int, *, whole: bool = True) -> int:
        """Sample ``index`` of an item in a style; ``whole``: it was seen whole and its tools were run."""
        if not whole:
            meant = item.answer + self._shift("blind", item.ticket)
        elif item.ticket in self._misunderstood[item.kind, style]:
            common = uniform(self.salt, "common", style, item.ticket) < self.traits.rho
            meant = item.answer + self._shift("misunderstood", "" if common else style, item.ticket)
        else:
            meant = item.answer
        if uniform(self.salt, "steady", style, item.ticket, index) < self.traits.steady:
            return meant
        return meant + self._shift("slip", style, item.ticket, index)

    def pooled(self, item: Item, styles: Sequence[str], samples: int) -> int:
        """The most frequent of ``samples`` answers in each of ``styles``; of several, the one given first."""
        given = Counter(self.answer(item, style, i) for style in styles for i in range(samples))
        return given.most_common(1)[0][0]

    def accuracy(self, plan: Mapping[str, Sequence[str]], samples: int) -> float:
        """The share of the items that ``pooled`` gets right, with the styles that ``plan`` has for their kind."""
        right = sum(self.pooled(item, plan[item.kind], samples) == item.answer for item in self.items)
        return right / len(self.items)

    def attainable(self, asked: Collection[str]) -> float:
        """The share of the items that anything could get right that asked about the tickets ``asked``: those
        among them that some style understands. The others are not in any text."""
        found = sum(
            item.ticket in asked
            and any(item.ticket not in self._misunderstood[item.kind, style] for style in STYLES)
            for item in self.items
        )
        return found / len(self.items)

    def _tools(self, item: Item, seen: Sequence[Message], tools: Sequence[str]) -> tuple[str | None, bool]:
        """The call that comes next, if one does, and whether all that the item takes were run."""
        done, spoiled = _progress(item, seen)
        if spoiled:
            return None, False
        if not done and (lured := self._lured(item, tools)):
            return f"CALL {lured} {item.ticket}", False
        if done == len(item.calls):
            return None, True
        call = item.calls[done]
        return (call.said, False) if call.name in tools else (None, False)

    def _lured(self, item: Item, tools: Sequence[str]) -> str | None:
        taken = {call.name for call in item.calls}
        drawn = (
            t
            for t in tools
            if t not in taken and uniform(self.salt, "lure", t, item.ticket) < self.traits.lure
        )
        return next(drawn, None)

    @cached_property
    def _misunderstood(self) -> dict[tuple[str, str], frozenset[str]]:
        return {
            (kind, style): self._lowest(kind, style, share)
            for kind, shares in self.traits.misunderstood.items()
            for style, share in shares.items()
        }

    def _lowest(self, kind: str, style: str, share: float) -> frozenset[str]:
        # An exact share, not one coin an item: worlds are then equally hard.
        tickets = [item.ticket for item in self.items if item.kind == kind]
        drawn = sorted(tickets, key=lambda ticket: uniform(self.salt, "share", style, ticket))
        return frozenset(drawn[: round(share * len(drawn))])

    def _shift(self, *what: str | int) -> int:
        return _SHIFTS[int(uniform(self.salt, *what) * len(_SHIFTS))]


def _progress(item: Item, seen: Sequence[Message]) -> tuple[int, bool]:
    """How many of the item's calls were made and rightly answered, and whether one went wrong."""
    done = 0
    for said, told in pairwise(seen):
        if said.role != "assistant" or not said.content.startswith("CALL "):
            continue
        call = item.calls[done] if done < len(item.calls) else None
        right = call is not None and said.content == " ".join(call.said.split())
        if call is None or not right or told.content != " ".join(f"RESULT {call.result}".split()):
            return done, True
        done += 1
    return done, False
