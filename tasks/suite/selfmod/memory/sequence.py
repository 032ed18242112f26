"""A sequence of items about entries that are told once and asked for later.

Every line that is told has the form ``PREFIX NAME holds CODE check N`` or ``PREFIX NAME renames NAME check N``; N
is the sum of the character codes of the two words around the verb, modulo 100. In a false line it is another.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

PREFIXES: Final = ("Note", "Today", "Since noon", "As seen", "By the book", "On the list")
REMARKS: Final = ("the hall was quiet", "rain fell until noon", "the lamp was out", "two doors stood open")


@dataclass(frozen=True, slots=True)
class Knobs:
    """What a sequence is made of.

    Hard to notice: entries that change (``changed``), false lines (``false``), new names (``renamed``). Hard to do:
    how many ``items`` there are, and how little may be kept (``cap``, bytes), ``remarks`` among it.
    """

    items: int
    #: Entries that an item tells, and questions about them and about older ones.
    told: int
    asked_now: int
    asked_old: int
    cap: int
    #: In each item after the first: entries with a new code, false lines, lines of no use, entries with a new name.
    changed: int = 0
    false: int = 0
    remarks: int = 0
    renamed: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """What one item tells, and asks: question -> answer."""

    told: tuple[str, ...]
    asked: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """A sequence: its items in their order, and what each code stands for."""

    items: tuple[Item, ...]
    codes: Mapping[str, str]

    @property
    def questions(self) -> int:
        """How many are asked in all."""
        return sum(len(item.asked) for item in self.items)


def question(name: str) -> str:
    """How an entry is asked for."""
    return f"What does entry {name} hold?"


def check(first: str, second: str) -> int:
    """The check of the two words around a line's verb."""
    return sum(map(ord, first + second)) % 100


class Drawing:
    """Draws the items of a sequence one after the other; ``names`` gives new entries theirs."""

    def __init__(self, draws: random.Random, prefix: str, names: Iterator[str]) -> None:
        self._draws, self._prefix, self._names = draws, prefix, names
        #: Entry -> the code that it holds now.
        self._held: dict[str, str] = {}
        self._codes: dict[str, str] = {}

    def sequence(self, knobs: Knobs) -> Told:
        """A whole sequence."""
        return Told(tuple(self._item(knobs) for _ in range(knobs.items)), self._codes)

    def _item(self, knobs: Knobs) -> Item:
        old = list(self._held)
        changed, false, renamed = self._parted(old, knobs.changed, knobs.false, knobs.renamed)
        lines = [self._tells(name) for name in [next(self._names) for _ in range(knobs.told)] + changed]
        lines += [self._lies(name) for name in false]
        lines += [self._renames(name) for name in renamed]
        lines += [f"{self._prefix} {remark}" for remark in self._draws.choices(REMARKS, k=knobs.remarks)]
        now = [name for name in self._held if name not in old or name in changed]
        asked = self._draws.sample(now, min(knobs.asked_now, len(now)))
        rest = [name for name in self._held if name in old and name not in changed] or now
        asked += self._draws.sample(rest, min(knobs.asked_old, len(rest)))
        self._draws.shuffle(lines)
        return Item(tuple(lines), {question(name): self._codes[self._held[name]] for name in asked})

    def _parted(self, names: list[str], *sizes: int) -> list[list[str]]:
        """Groups of different names, as large as there are names for."""
        drawn = self._draws.sample(names, min(sum(sizes), len(names)))
        parts = []
        for size in sizes:
            parts.append(drawn[:size])
            drawn = drawn[size:]
        return parts

    def _code(self) -> str:
        code = f"{self._draws.getrandbits(32):08x}"
        self._codes[code] = str(self._draws.randint(100, 999))
        return code

    def _tells(self, name: str) -> str:
        self._held[name] = code = self._code()
        return f"{self._prefix} {name} holds {code} check {check(name, code)}"

    def _lies(self, name: str) -> str:
        code = self._code()
        wrong = (check(name, code) + self._draws.randint(1, 99)) % 100
        return f"{self._prefix} {name} holds {code} check {wrong}"

    def _renames(self, name: str) -> str:
        new = next(self._names)
        self._held[new] = self._held.pop(name)
        return f"{self._prefix} {new} renames {name} check {check(new, name)}"
