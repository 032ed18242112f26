"""The text of a drawn paper, and of the files that go with it. Needs numpy only."""

import io
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if __package__:
    from tasks.suite.research.repro.environment import forms, glue
else:
    import forms  # type: ignore[import-not-found, no-redef]
    import glue  # type: ignore[import-not-found, no-redef]

if TYPE_CHECKING:
    from tasks.suite.research.repro.environment.papers import Drawn

_TOGETHER: Final = Path(__file__).with_name("together.txt").read_text()


def paper(drawn: "Drawn") -> str:
    """The paper: what it is for, its parts, how they act together, and the table of claims."""
    parts = []
    for part, (form, value) in drawn.chosen.items():
        said = forms.FORMS[part][form].text(None if part in drawn.open else value)
        parts.append(f"- `{part}({', '.join(forms.ARGUMENTS[part])})`: {said}")
    return "\n".join([
        f"# {drawn.title.capitalize()} regression: a robust predictor from few rows", "",
        "## 1. Why",
        "Rows from the field have heavy tails, and few of them come with a target. We predict the target of a new",
        "row from the rows that are like it, measured so that no single value decides. Nothing is trained but what",
        "is said here, and nothing is random: whoever follows the text gets our numbers to the last digit.", "",
        "## 2. Parts",
        "Rows are arrays of shape (rows, columns), targets and sequences of shape (n,); the size of a number is its",
        "absolute value, and median, mean and correlation are the usual ones (the median of an even number of",
        "values lies midway between the middle two).", *parts, "",
        "## 3. The method", *_method(drawn.chosen), "",
        "## 4. Claims", *_table_text(drawn.chosen), "", *_table(drawn), "",
    ])  # fmt: skip


def _method(parts: Collection[str]) -> list[str]:
    steps = [
        "`predict(x, y, new)` gives a prediction for each row of `new` from rows `x` with targets `y`:",
        "1. `centre` and `spread` are taken on `x` alone; both `x` and `new` lose the centre and are divided by the",
        "   spread; then they are squashed.",
    ]
    if "pair" in parts:
        steps.append("1. To both, `pair` appends its columns.")
    if "keep" in parts:
        steps.append(
            "1. `keep` chooses columns on `x` and `y`, by ascending index; both are reduced to them."
        )
    steps.append(
        "1. The weights, of shape (new rows, rows), are the kernel of the distances of the rows of `new` to `x`."
    )
    if "temper" in parts:
        steps.append("1. They are tempered.")
    if "trust" in parts:
        steps.append("1. Each is multiplied by the trust in its row of `x`.")
    return [*steps, "1. `combine` makes the predictions of them and `y`."]


def _table_text(parts: Collection[str]) -> list[str]:
    said = ["`table(x, y)` gives the cells of the table as one vector, row by row."]
    if "unfold" in parts:
        said.append("First all targets are unfolded, once.")
    if "fold" in parts:
        said.append("The rows of each fold are predicted from the rows of all the other folds.")
    else:
        said.append("Rows of odd index, counted from 0, are predicted from the rows of even index.")
    said.append("An error is the prediction less the target.")
    said.append("Losses are as above." if "loss" in parts else "A loss is the size of an error.")
    if "smooth" in parts:
        said.append("The losses, in the order of the rows, are smoothed as a sequence.")
    said.append("Cells are their mean, the root of their mean square (rms) and their largest.")
    if spared := [part for part in glue.SPARED if part in parts]:
        said.append(
            f"Rows of the table leave out a part ({', '.join(spared)}): its step does not take place, all else "
            "stays."
        )
    said.append("The claims, to nine digits, are for `/task/data.npz` (`x`, `y`); some were lost in print.")
    return said


def _table(drawn: "Drawn") -> list[str]:
    lines = ["| | " + " | ".join(glue.MEASURES) + " |", "|---" * (1 + len(glue.MEASURES)) + "|"]
    for row in glue.variants(drawn.chosen):
        cells = [drawn.claims.get(f"{row}, {measure}") for measure in glue.MEASURES]
        lines.append(f"| {row} | " + " | ".join("–" if c is None else f"{c:.9g}" for c in cells) + " |")
    return lines


def examples(drawn: "Drawn", cases: Mapping[str, Mapping[str, Any]]) -> bytes:
    """An npz with ``PART.ARGUMENT`` and ``PART.right`` of each worked example."""
    found: dict[str, Any] = {}
    for part in drawn.shown:
        found |= {f"{part}.{name}": value for name, value in cases[part].items()}
        found[f"{part}.right"] = drawn.expected(part, cases[part])
    return npz(**found)


def library(drawn: "Drawn", names: list[str], values: Mapping[str, tuple[str | None, ...]]) -> bytes:
    """Every form of every part under a name: part, sentence and code."""
    found = {}
    for part in drawn.chosen:
        for form, value in zip(forms.FORMS[part], values[part], strict=True):
            found[names.pop()] = {"part": part, "says": form.text(value), "code": form.code(value)}
    return json.dumps(dict(sorted(found.items())), indent=1).encode()


def blank(drawn: "Drawn", together: bool) -> str:
    """The method.py that lies there at the start: parts to be written, and ``predict`` and ``table``,
    which are to be written as well unless they stand ``together`` already."""
    wanted = {part: forms.ARGUMENTS[part] for part in drawn.chosen}
    if not together:
        wanted |= {"predict": ("x", "y", "new"), "table": ("x", "y")}
    texts = ['"""The method of /task/paper.md."""\n\nimport numpy as np']
    for name, given in wanted.items():
        texts.append(f'def {name}({", ".join(given)}):\n    raise NotImplementedError("{name}")')
    return "\n\n\n".join(texts) + "\n" + (_TOGETHER if together else "")


def npz(**arrays: Any) -> bytes:
    """The bytes of an npz file; the same arrays give the same bytes."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()
