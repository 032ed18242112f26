"""The tools that a scaffold may lack: what each works out, in each of its dialects, and arguments for it.

A dialect settles what a description of the tool may leave open. All of this runs on the host, on arguments
of its own.
"""

import operator
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

_WHOLE: Final = re.compile(r"-?[0-9]+")
_PATTERN: Final = re.compile(r"(?:[ad]\+?)+")
_KEYS: Final = ("ash", "bay", "elm", "fir", "hop", "ivy", "oak", "rue", "sow", "yew")
_LETTERS: Final = "bcfghkmnprtvxz"
#: What stands for nothing in a result.
NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool in one dialect. ``name`` is what the solver calls it; ``signs``: sign -> operation."""

    name: str
    form: str
    choices: Mapping[str, str]
    signs: Mapping[str, str]

    def run(self, argument: str) -> str:
        """Its result. Raises ValueError for an argument that is not of its form."""
        return FORMS[self.form].run(self, argument)


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of tool: what it is called, what a dialect settles, what it does, arguments good and bad.

    ``draw`` is given a way to write a number, which may be a nested call.
    """

    names: tuple[str, ...]
    aspects: Mapping[str, tuple[str, ...]]
    run: Callable[[Tool, str], str]
    draw: Callable[[random.Random, Tool, Callable[[int], str]], str]
    bad: tuple[str, ...]


def _reckon(tool: Tool, argument: str) -> str:
    parts = argument.split(" ")
    numbers, signs = [_whole(part) for part in parts[::2]], parts[1::2]
    if len(numbers) != len(signs) + 1 or not set(signs) <= set(tool.signs):
        raise ValueError("not numbers with signs between them")
    if tool.choices["order"] == "right":
        value = numbers.pop()
        while numbers:
            value = _operate(tool, signs.pop(), numbers.pop(), value)
        return str(value)
    value = numbers[0]
    for sign, number in zip(signs, numbers[1:], strict=True):
        value = _operate(tool, sign, value, number)
    return str(value)


def _operate(tool: Tool, sign: str, a: int, b: int) -> int:
    operation = tool.signs[sign]
    if operation != "divides":
        return _OPERATIONS[operation](a, b)
    if b == 0:
        raise ValueError("divided by nothing")
    floor = tool.choices["division"] == "down"
    return a // b if floor or (a < 0) == (b < 0) else -(-a // b)


_OPERATIONS: Final[Mapping[str, Callable[[int, int], int]]] = {
    "adds": operator.add, "multiplies": operator.mul, "subtracts": operator.sub,
}  # fmt: skip


def _draw_reckon(draws: random.Random, tool: Tool, number: Callable[[int], str]) -> str:
    parts = [number(draws.randint(-99, 999))]
    for _ in range(draws.randint(1, 3)):
        parts += [draws.choice(list(tool.signs)), number(draws.choice((-1, 1)) * draws.randint(2, 9_999_999))]
    return " ".join(parts)


def _splice(tool: Tool, argument: str) -> str:
    tables = argument.split(" | ")
    if len(tables) != 2:
        raise ValueError("not two tables")
    left, right = (dict(_rows(table)) for table in tables)
    kept = [key for key in left if key in right or tool.choices["missing"] == "kept"]
    return ";".join(f"{key},{left[key]},{right.get(key, '-')}" for key in _ordered(tool, kept)) or NONE


def _draw_splice(draws: random.Random, tool: Tool, number: Callable[[int], str]) -> str:
    del tool
    tables = []
    for _ in range(2):
        keys = draws.sample(_KEYS, draws.randint(4, 6))
        tables.append(";".join(f"{key},{number(draws.randint(1, 999))}" for key in keys))
    return " | ".join(tables)


def _sift(tool: Tool, argument: str) -> str:
    pattern, bar, text = argument.partition(" | ")
    if not bar or not _PATTERN.fullmatch(pattern):
        raise ValueError("not a pattern and a text")
    letters = "[a-z]" if tool.choices["letters"] == "small" else "[A-Za-z]"
    sought = re.compile(pattern.replace("a", letters).replace("d", "[0-9]"))
    found = [word for word in text.split(" ") if sought.fullmatch(word)]
    if tool.choices["which"] == "count":
        return str(len(found))
    return (found[0] if tool.choices["which"] == "first" else found[-1]) if found else NONE


def _draw_sift(draws: random.Random, tool: Tool, number: Callable[[int], str]) -> str:
    del tool, number
    pattern = draws.choice(("ad+", "a+d", "aadd", "da+", "d+a", "ada"))
    words = [_word(draws, draws.choice((pattern, pattern, "aa", "dd", "d+a"))) for _ in range(10)]
    return f"{pattern} | {' '.join(words)}"


def _word(draws: random.Random, pattern: str) -> str:
    word = ""
    for unit in re.findall(r"[ad]\+?", pattern):
        for _ in range(draws.randint(1, 3) if unit.endswith("+") else 1):
            word += draws.choice(_LETTERS if unit[0] == "a" else "0123456789")
    return word.upper() if draws.random() < 0.3 else word


def _heap(tool: Tool, argument: str) -> str:
    values: dict[str, list[int]] = {}
    for key, value in _rows(argument):
        values.setdefault(key, []).append(_whole(value))
    taken = _TAKEN[tool.choices["taken"]]
    return ";".join(f"{key},{taken(values[key])}" for key in _ordered(tool, list(values)))


_TAKEN: Final[Mapping[str, Callable[[list[int]], int]]] = {"sum": sum, "largest": max, "smallest": min}


def _draw_heap(draws: random.Random, tool: Tool, number: Callable[[int], str]) -> str:
    del tool
    keys = draws.sample(_KEYS, 4)
    return ";".join(f"{draws.choice(keys)},{number(draws.randint(-99, 999))}" for _ in range(8))


def _rows(table: str) -> list[tuple[str, str]]:
    rows = [row.split(",") for row in table.split(";")]
    if any(len(row) != 2 or not all(row) for row in rows):
        raise ValueError("not rows of a key and a value")
    return [(row[0], row[1]) for row in rows]


def _ordered(tool: Tool, keys: list[str]) -> list[str]:
    given = {"given": keys, "up": sorted(keys), "down": sorted(keys, reverse=True)}
    return given[tool.choices["rows"]]


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError("not a whole number")
    return int(text)


FORMS: Final[Mapping[str, Form]] = {
    "reckon": Form(
        ("reckon", "tally", "figure"), {"order": ("left", "right"), "division": ("down", "zero")},
        _reckon, _draw_reckon, ("", "1 2", "one # 2", "7 ! 8", "3 #"),
    ),
    "splice": Form(
        ("splice", "merge", "couple"), {"missing": ("left out", "kept"), "rows": ("given", "up", "down")},
        _splice, _draw_splice, ("", "ash,1", "ash,1 | bay", "a,1 | b,2 | c,3"),
    ),
    "sift": Form(
        ("sift", "glean", "cull"), {"which": ("first", "last", "count"), "letters": ("small", "all")},
        _sift, _draw_sift, ("", "ad", "xyz | a1", "+a | a1"),
    ),
    "heap": Form(
        ("heap", "lump", "amass"), {"taken": ("sum", "largest", "smallest"), "rows": ("given", "up", "down")},
        _heap, _draw_heap, ("", "ash", "ash,one", "ash,1;bay"),
    ),
}  # fmt: skip


def draw_tool(draws: random.Random, form: str, signs: int) -> Tool:
    """A tool of a form in a drawn dialect; ``signs``: how many operations a reckoning one knows."""
    choices = {aspect: draws.choice(options) for aspect, options in FORMS[form].aspects.items()}
    operations = ("adds", "multiplies", "subtracts", "divides")[: signs if form == "reckon" else 0]
    drawn = draws.sample("#~@^&%", len(operations))
    return Tool(draws.choice(FORMS[form].names), form, choices, dict(zip(drawn, operations, strict=True)))


def dialects(tool: Tool) -> list[Tool]:
    """The tool in every other dialect of its form."""
    aspects = FORMS[tool.form].aspects
    choices = [dict(zip(aspects, chosen, strict=True)) for chosen in product(*aspects.values())]
    return [replace(tool, choices=chosen) for chosen in choices if chosen != tool.choices]
