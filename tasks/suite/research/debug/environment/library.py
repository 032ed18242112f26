"""Makes a repository larger: what a part computes moves some calls away, into modules among much that nothing calls.

What the modules hold is no different in kind from what is looked for: both forms of each part, of which one may be
called, and other functions of arrays. Nothing there says what it is for.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.suite.research.debug.environment.checks import WHERE
from tasks.suite.research.debug.environment.forms import ALL_FORMS
from tasks.suite.research.debug.environment.sources import WORDS

#: Statements of functions that nothing calls; C is a drawn number.
_STATEMENTS: Final = (
    "values = values - values.mean(axis=0)", "values = np.clip(values, -C, C)", "values = np.tanh(values / C)",
    "values = values / (np.abs(values).max(axis=0) + C)", "values = np.where(values > C, values, 0)",
    "values = np.sign(values) * np.abs(values) ** C", "values = values / (values.std(axis=0) + C)",
    "values = (1 - C) * values + C * values.mean(axis=0)", "values = values[np.argsort(values[:, 0])]",
    "values = values - C * np.roll(values, 1, axis=0)", "values = np.log1p(np.abs(values) / C)",
    "values = values * (np.linalg.norm(values, axis=0) < 9 * C)",
)  # fmt: skip
_LEAST, _MOST = 2, 5
_NUMPY: Final = "import numpy as np\n"
_CONSTANT: Final = re.compile(r"\b[A-Z]{2,}\b")


@dataclass(frozen=True, slots=True)
class Size:
    """How large a repository is, beside its five files of some 200 lines."""

    #: Modules for each file that has parts; functions in each that nothing calls.
    modules: int = 0
    functions: int = 0
    #: Calls from a part down to what it computes; at most one in each module.
    depth: int = 0


AS_IT_IS: Final = Size()


def extend(texts: Mapping[str, str], written: Mapping[str, str], seed: int, size: Size) -> dict[str, str]:
    """The files of a larger repository by name without ``.py``; a seed gives the same but for what is ``written``.

    Args:
        texts: the five files, in which each part returns what is written for it.
        written: for each part the form in which it is written, right or wrong.
        seed: draws names, places and what nothing calls.
        size: how large it is to be.
    """
    random = np.random.default_rng(seed)
    pairs = [(a, b) for a in WORDS for b in WORDS if a != b]
    names = iter(["_".join(pairs[place]) for place in random.permutation(len(pairs))])
    files = dict(texts)
    modules: dict[str, list[str]] = {
        f"{file}_{number}": _unused(random, names, size.functions)
        for file in dict.fromkeys(WHERE.values())
        for number in range(1, size.modules + 1)
    }
    imports: dict[str, list[str]] = defaultdict(list)
    for part, form in written.items():
        caller = WHERE[part]
        call = _call(texts[caller], part)
        places = sorted(random.permutation(size.modules)[: size.depth])
        chain = [(f"{WHERE[part]}_{place + 1}", next(names)) for place in places]
        bodies = [*(f"{name}({call})" for _, name in chain), form]
        files[caller] = files[caller].replace(f"    return {form}\n", f"    return {bodies[0]}\n")
        for (module, name), body in zip(chain, bodies[1:], strict=True):
            imports[caller].append(f"from {module} import {name}\n")
            modules[module].append(_function(name, call, [f"return {_given(body)}"]))
            caller = module
        modules[caller] += [
            _function(next(names), call, [f"return {_given(other)}"]) for other, _ in ALL_FORMS[part]
        ]
    for module, functions in modules.items():
        text = "".join(functions[place] for place in random.permutation(len(functions)))
        files[module] = f'"""Functions of {module.partition("_")[0]}.py."""\n\n{_NUMPY}{text}'
    return {name: text.replace(_NUMPY, _NUMPY + "".join(imports[name]), 1) for name, text in files.items()}


def _call(text: str, part: str) -> str:
    """What a part gives on to where it is computed: its arguments, and the constants of either form."""
    found = re.search(rf"^def {part}\((.*)\):$", text, re.MULTILINE)
    assert found is not None
    constants = {name for form, _ in ALL_FORMS[part] for name in _CONSTANT.findall(form)}
    return ", ".join([found[1], *sorted(constants)])


def _given(code: str) -> str:
    """Code whose constants are arguments: a module of the library has none of its own."""
    return _CONSTANT.sub(lambda found: found[0].lower(), code)


def _function(name: str, parameters: str, lines: Sequence[str]) -> str:
    return f"\n\ndef {name}({_given(parameters)}):\n" + "".join(f"    {line}\n" for line in lines)


def _unused(random: np.random.Generator, names: Iterator[str], number: int) -> list[str]:
    """So many functions of arrays that nothing calls."""
    found = []
    for _ in range(number):
        chosen = random.permutation(len(_STATEMENTS))[: random.integers(_LEAST, _MOST + 1)]
        lines = [_STATEMENTS[one].replace("C", f"{random.uniform(0.1, 0.9):.2f}") for one in chosen]
        found.append(_function(next(names), "values", [*lines, "return values"]))
    return found
