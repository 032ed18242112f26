"""What the agent is told of the tools: ``/task/tools.md``."""

from collections.abc import Iterable, Mapping
from typing import Final

from tasks.suite.selfmod.addtool.forms import NONE, Tool

_FORMS: Final[Mapping[str, str]] = {
    "reckon": "works out whole numbers, however large. ARGUMENT: numbers with signs between them, single spaces around"
    " each sign; a number may begin with -.",
    "splice": "puts two tables together by their keys. ARGUMENT: two tables with ` | ` between them; a table is rows with"
    " `;` between them, a row a key and a value with `,` between them; a key stands once in a table. RESULT: rows KEY,LEFT,RIGHT"
    f" with `;` between them, or {NONE}; RIGHT is - where there is none.",
    "sift": "finds a word in a text. ARGUMENT: a pattern, ` | `, words with single spaces between them. In a pattern `a` is a"
    f" letter, `d` a digit, and `+` behind one says once or more; the whole word must fit. RESULT: the word, or {NONE}.",
    "heap": "takes the rows of each key together. ARGUMENT: rows with `;` between them, a row a key and a whole number with `,`"
    " between them. RESULT: a row for each key, with `;` between them.",
}
_CHOICES: Final[Mapping[tuple[str, str], str]] = {
    ("order", "left"): "It works from left to right, whatever the signs.",
    ("order", "right"): "It works from right to left, whatever the signs.",
    ("division", "down"): "What is left over of a division is dropped downwards: -7 by 2 is -4.",
    ("division", "zero"): "What is left over of a division is dropped towards zero: -7 by 2 is -3.",
    ("missing", "left out"): "A key of the left table that the right one has not is left out.",
    ("missing", "kept"): "A key of the left table that the right one has not is kept.",
    ("rows", "given"): "Keys stand in the order in which the first table has them first.",
    ("rows", "up"): "Keys stand in alphabetical order.",
    ("rows", "down"): "Keys stand in reversed alphabetical order.",
    ("which", "first"): "It gives the first such word.",
    ("which", "last"): "It gives the last such word.",
    ("which", "count"): "It gives the number of such words, in place of the word.",
    ("letters", "small"): "Only small letters are letters.",
    ("letters", "all"): "Small and capital letters are letters.",
    ("taken", "sum"): "A key's value is the sum of its values.",
    ("taken", "largest"): "A key's value is the largest of its values.",
    ("taken", "smallest"): "A key's value is the smallest of its values.",
}  # fmt: skip


def describe(tools: Iterable[Tool], open_aspects: Mapping[str, frozenset[str]], nested: bool) -> str:
    """The page. ``open_aspects``: tool name -> aspects that it leaves to the examples."""
    lines = ["# The tools", "What is not said here, the examples in `/task/examples.json` show.", ""]
    if nested:
        lines += [
            "An argument may hold `{TOOL ARGUMENT}`: the result of that call stands there in truth.",
            "",
        ]
    for tool in tools:
        lines += [f"tool {tool.name}", f"`{tool.name} ARGUMENT` {_FORMS[tool.form]}"]
        lines += [f"sign {sign} {operation}" for sign, operation in tool.signs.items()]
        lines += [
            _CHOICES[aspect, option]
            for aspect, option in tool.choices.items()
            if aspect not in open_aspects[tool.name] and _matters(tool, aspect)
        ]
        lines.append("")
    return "\n".join(lines)


def _matters(tool: Tool, aspect: str) -> bool:
    return aspect != "division" or "divides" in tool.signs.values()
