"""Runs a model that is written in a few operations: ops.py PROGRAM TEXT.npy CONTEXTS.npy OUT.npy.

The program is Python of a small form (``NODES``) that calls its own functions, the operations below and ``BUILTINS``.
What it learns from are tensors, and no number ever comes out of one, so that what no operation computes (an
exponential, a division, a root, a comparison) is not computed in another way either. Needs numpy only.
"""

import ast
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

#: What a program may consist of.
NODES: Final = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.For, ast.While,
    ast.If, ast.Expr, ast.Pass, ast.Break, ast.Continue, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp,
    ast.Call, ast.keyword, ast.Name, ast.Constant, ast.List, ast.Tuple, ast.Starred, ast.Subscript, ast.Slice,
    ast.ListComp, ast.GeneratorExp, ast.comprehension, ast.expr_context, ast.operator, ast.unaryop, ast.boolop,
    ast.cmpop,
)  # fmt: skip
BUILTINS: Final = (enumerate, len, range, reversed, sum, zip)


class Refused(Exception):
    """A program is not of the form, or an operation was given what it does not take."""


class Tensor:
    """Numbers of any shape, whole ones or not, with ``+``, ``-``, ``*`` and ``@``."""

    __slots__ = ("values",)
    #: Whoever asks a number of numpy's to add a tensor to itself is sent to the tensor.
    __array_ufunc__ = None

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self.values = values

    def __add__(self, other: "Operand") -> "Tensor":
        return Tensor(self.values + _plain(other))

    def __sub__(self, other: "Operand") -> "Tensor":
        return Tensor(self.values - _plain(other))

    def __rsub__(self, other: "Operand") -> "Tensor":
        return Tensor(_plain(other) - self.values)

    def __mul__(self, other: "Operand") -> "Tensor":
        return Tensor(self.values * _plain(other))

    def __matmul__(self, other: "Tensor") -> "Tensor":
        return Tensor(self.values @ _values(other))

    def __neg__(self) -> "Tensor":
        return Tensor(-self.values)

    def __bool__(self) -> bool:
        raise Refused("no number comes out of a tensor")

    __radd__ = __add__
    __rmul__ = __mul__


Operand = Tensor | int | float


def tensor(numbers: Sequence[Any]) -> Tensor:
    """Numbers, or lists of as many numbers each, as a tensor."""
    return Tensor(np.array(numbers, dtype=float))


def zeros(*sizes: int) -> Tensor:
    """Zeros in a shape."""
    return Tensor(np.zeros(sizes))


def normal(seed: int, *sizes: int) -> Tensor:
    """Standard normal numbers in a shape."""
    return Tensor(np.random.default_rng(seed).normal(size=sizes))


def shuffled(seed: int, n: int) -> Tensor:
    """0 to n - 1 in any order."""
    return Tensor(np.random.default_rng(seed).permutation(n))


def size(of: Tensor, axis: int) -> int:
    """How long a tensor is in an axis."""
    return int(_values(of).shape[axis])


def windows(text: Tensor, length: int) -> Tensor:
    """Every run of ``length`` symbols in the lines of a text, a row each."""
    runs = np.lib.stride_tricks.sliding_window_view(_values(text), length, axis=1)
    return Tensor(runs.reshape(-1, length))


def column(rows: Tensor, place: int) -> Tensor:
    """One column of a matrix, as a vector."""
    return Tensor(_values(rows)[:, place])


def part(of: Tensor, start: int, end: int) -> Tensor:
    """Entries ``start`` to ``end`` - 1 of the first axis."""
    return Tensor(_values(of)[start:end])


def take(table: Tensor, places: Tensor) -> Tensor:
    """The table's entries at places, whole numbers: (entries, ...) and (n,) to (n, ...)."""
    return Tensor(_values(table)[_whole(places)])


def put(places: Tensor, rows: Tensor, entries: int) -> Tensor:
    """The sum of the rows (n, d) at each place (n,): (entries, d)."""
    values, at = np.asarray(_values(rows), dtype=float), _whole(places)
    columns = values.shape[1]
    flat = (at[:, None] * columns + np.arange(columns)).ravel()
    return Tensor(np.bincount(flat, values.ravel(), entries * columns).reshape(entries, columns))


def one_hot(places: Tensor, entries: int) -> Tensor:
    """A row of zeros with a 1 at its place for each place (n,): (n, entries)."""
    return Tensor(np.eye(entries)[_whole(places)])


def total(of: Tensor, axis: int) -> Tensor:
    """The sum over an axis, which is kept with length 1."""
    return Tensor(np.sum(_values(of), axis=axis, keepdims=True))


def transposed(of: Tensor) -> Tensor:
    """A matrix with its axes exchanged."""
    return Tensor(_values(of).T)


def relu(of: Tensor) -> Tensor:
    """What is below 0 becomes 0."""
    return Tensor(np.maximum(_values(of), 0))


def show(*what: Any) -> None:
    """Prints numbers and tensors for a reader; the program gets nothing of it."""
    print(*(one.values if isinstance(one, Tensor) else one for one in what))


OPERATIONS: Final[tuple[Callable[..., Any], ...]] = (
    tensor, zeros, normal, shuffled, size, windows, column, part, take, put, one_hot, total, transposed, relu, show,
)  # fmt: skip


def load(program: str) -> Mapping[str, Any]:
    """The functions and numbers of a program.

    Raises:
        Refused: it is not of the form.
    """
    tree = ast.parse(program)
    for node in ast.walk(tree):
        line = f"line {getattr(node, 'lineno', '?')}"
        if not isinstance(node, NODES):
            raise Refused(f"{line}: {type(node).__name__} is not allowed")
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Name):
            raise Refused(f"{line}: only a function is called, by its name")
        if isinstance(node, ast.Name) and node.id.startswith("__"):
            raise Refused(f"{line}: {node.id} is not allowed")
    known = {function.__name__: function for function in (*OPERATIONS, *BUILTINS)}
    space: dict[str, Any] = {"__builtins__": {}, **known}
    exec(compile(tree, "lm.py", "exec"), space)
    return space


def answer(program: str, text: npt.NDArray[Any], contexts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What the ``answer`` of a program gives for a text and contexts."""
    with np.errstate(all="ignore"):
        return _values(load(program)["answer"](Tensor(text), Tensor(contexts)))


def _plain(operand: Operand) -> Any:
    if isinstance(operand, Tensor):
        return operand.values
    if isinstance(operand, (int, float)):
        return operand
    raise Refused(f"{type(operand).__name__} is no number and no tensor")


def _values(operand: Tensor) -> npt.NDArray[Any]:
    if not isinstance(operand, Tensor):
        raise Refused(f"{type(operand).__name__} is no tensor")
    return operand.values


def _whole(places: Tensor) -> npt.NDArray[np.int64]:
    """Places in a table: nothing that was worked out of other than whole numbers is one."""
    values = _values(places)
    if values.dtype.kind != "i" or values.ndim != 1:
        raise Refused("places are a vector of whole numbers")
    return values


def main(program: str, text: str, contexts: str, out: str) -> None:
    """Learns and answers: probabilities as one vector, a context after the other."""
    try:
        found = answer(Path(program).read_text(), np.load(text), np.load(contexts))
    except (Refused, SyntaxError) as error:
        raise SystemExit(f"refused: {error}") from None
    np.save(out, np.asarray(found, dtype=float).ravel())


if __name__ == "__main__":
    main(*sys.argv[1:])
