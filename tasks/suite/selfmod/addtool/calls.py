"""What the solver asks of tools: arguments with calls nested in them, and what they come to."""

import random
import re
from collections.abc import Mapping
from itertools import chain
from typing import Final

from tasks.inner.items import Call
from tasks.suite.selfmod.addtool.forms import FORMS, Tool, dialects

#: A call in an argument that holds no other.
_NESTED: Final = re.compile(r"\{(\w+) ([^{}]*)\}")
#: Draws until one works out; one in some hundred divides by nothing.
_TRIES: Final = 100


def worked_out(tools: Mapping[str, Tool], name: str, argument: str) -> str:
    """The result of a call, what is nested in its argument worked out first.

    Raises:
        ValueError: an argument is not of its tool's form.
    """
    while (nested := _NESTED.search(argument)) is not None:
        inner = tools[nested[1]].run(nested[2])
        argument = argument[: nested.start()] + inner + argument[nested.end() :]
    return tools[name].run(argument)


def draw_call(draws: random.Random, tools: Mapping[str, Tool], name: str, depth: int) -> Call:
    """A call of the tool ``name``, in whose argument a number is a call of the tool that reckons, in whose
    argument another one is, and so on ``depth`` deep."""
    for _ in range(_TRIES):
        argument = _argument(draws, tools, tools[name], depth)
        try:
            return Call(name, argument, worked_out(tools, name, argument))
        except ValueError:
            continue
    raise RuntimeError(f"{_TRIES} arguments of {name} do not work out")


def draw_examples(draws: random.Random, tools: Mapping[str, Tool], name: str, n: int) -> list[Call]:
    """``n`` calls of a tool, and as many more as it takes that each other dialect gives another result for one
    of them: what its description leaves open, they settle. A dialect that differs in nothing cannot be told."""
    calls = [draw_call(draws, tools, name, 0) for _ in range(n)]
    for other in dialects(tools[name]):
        tries = chain(tuple(calls), (draw_call(draws, tools, name, 0) for _ in range(_TRIES)))
        telling = next((call for call in tries if _result(other, call.argument) != call.result), None)
        if telling is not None and telling not in calls:
            calls.append(telling)
    return calls


def _result(tool: Tool, argument: str) -> str | None:
    try:
        return tool.run(argument)
    except ValueError:
        return None


def _argument(draws: random.Random, tools: Mapping[str, Tool], tool: Tool, depth: int) -> str:
    inner = next((one for one in tools.values() if one.form == "reckon"), None)
    left = [depth]

    def number(value: int) -> str:
        if inner is None or left[0] == 0:
            return str(value)
        left[0] = 0
        return f"{{{inner.name} {_argument(draws, tools, inner, depth - 1)}}}"

    return FORMS[tool.form].draw(draws, tool, number)
