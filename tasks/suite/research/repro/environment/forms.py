"""The parts that a made-up method is put together from, each in three forms. Needs numpy only."""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Final


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a part: what a paper says of it, and the body of its function."""

    says: str
    body: str
    #: What ``$value`` may be in both; one of them is drawn.
    values: tuple[str, ...] = ()

    def text(self, value: str | None) -> str:
        """The paper's sentence; with no ``value`` where there should be one, it leaves that open."""
        if self.values and value is None:
            *most, last = self.values
            value = f"one of {', '.join(most)} and {last} (we lost the note of which)"
        return Template(self.says).substitute(value=value or "")

    def code(self, value: str | None) -> str:
        """The function's body, not indented."""
        return Template(self.body).substitute(value=value or "")


#: part -> the arguments of its function.
ARGUMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "centre": ("x",), "spread": ("x", "centre"), "squash": ("z",), "distance": ("a", "b"),
    "kernel": ("distance",), "combine": ("weights", "y"), "keep": ("z", "y"), "trust": ("z",),
    "loss": ("error",), "temper": ("weights",), "fold": ("n",), "unfold": ("y",), "smooth": ("v",),
    "pair": ("z",),
}  # fmt: skip
_SIZES: Final = ("1.5", "2", "2.5", "3")
_KEPT: Final = "return np.sort(np.argsort(-size)[:$value])"

FORMS: Final[Mapping[str, tuple[Form, Form, Form]]] = {
    "centre": (
        Form("The centre of a column is its median.", "return np.median(x, axis=0)"),
        Form("The centre of a column lies midway between its smallest and its largest value.",
             "return (x.min(axis=0) + x.max(axis=0)) / 2"),
        Form("The centre of a column is the mean of what is left when its k lowest and its k highest values "
             "are dropped, where k is $value.",
             "return np.sort(x, axis=0)[$value:-$value].mean(axis=0)", ("2", "3", "5")),
    ),
    "spread": (
        Form("The spread of a column is the mean distance of its values from the centre.",
             "return np.abs(x - centre).mean(axis=0)"),
        Form("The spread of a column is the median distance of its values from the centre.",
             "return np.median(np.abs(x - centre), axis=0)"),
        Form("The spread of a column is the root of the mean squared distance of its values from the centre.",
             "return np.sqrt(((x - centre) ** 2).mean(axis=0))"),
    ),
    "squash": (
        Form("A scaled value z is cut off at -c and c, where c is $value.",
             "return np.clip(z, -$value, $value)", _SIZES),
        Form("A scaled value z becomes c tanh(z / c), where c is $value.",
             "return $value * np.tanh(z / $value)", _SIZES),
        Form("A scaled value z becomes z / (1 + |z| / c), where c is $value.",
             "return z / (1 + np.abs(z) / $value)", _SIZES),
    ),
    "distance": (
        Form("The distance of two rows is the mean size of their differences.",
             "return np.abs(a[:, None] - b).mean(axis=2)"),
        Form("The distance of two rows is the root of the mean of their squared differences.",
             "return np.sqrt(((a[:, None] - b) ** 2).mean(axis=2))"),
        Form("The distance of two rows is the largest size among their differences.",
             "return np.abs(a[:, None] - b).max(axis=2)"),
    ),
    "kernel": (
        Form("The weight at distance d is exp(-d^2 / (2 h^2)), where h is $value.",
             "return np.exp(-(distance**2) / (2 * $value**2))", _SIZES),
        Form("The weight at distance d is 1 / (1 + (d / h)^2), where h is $value.",
             "return 1 / (1 + (distance / $value) ** 2)", _SIZES),
        Form("The weight at distance d is exp(-d / h), where h is $value.",
             "return np.exp(-distance / $value)", _SIZES),
    ),
    "combine": (
        Form("A prediction is the weighted mean of the targets and, with weight k, of their plain mean, "
             "where k is $value.",
             "return (weights @ y + $value * y.mean()) / (weights.sum(axis=1) + $value)", ("0.5", "1", "2")),
        Form("A prediction is the smallest target at which the weights of the targets up to it reach half of "
             "the total.",
             "order = np.argsort(y)\n"
             "reached = np.cumsum(weights[:, order], axis=1)\n"
             "return y[order][(reached >= reached[:, -1:] / 2).argmax(axis=1)]"),
        # Rows that were cut off alike are equally far, and libraries order equals differently.
        Form("A prediction is the weighted mean of the k targets of largest weight, of equal weights those of "
             "the earlier rows, where k is $value.",
             "chosen = np.argsort(-weights, axis=1, kind='stable')[:, :$value]\n"
             "most = np.take_along_axis(weights, chosen, axis=1)\n"
             "return (most * y[chosen]).sum(axis=1) / most.sum(axis=1)", ("3", "5", "8")),
    ),
    "keep": (
        Form("Kept are the k columns whose correlation with the targets is largest in size, where k is $value.",
             "size = np.abs([np.corrcoef(column, y)[0, 1] for column in z.T])\n" + _KEPT, ("3", "4", "5")),
        Form("Kept are the k columns whose mean over the rows with targets above the median of the targets "
             "differs most, in size, from their mean over the other rows, where k is $value.",
             "high = y > np.median(y)\n"
             "size = np.abs(z[high].mean(axis=0) - z[~high].mean(axis=0))\n" + _KEPT, ("3", "4", "5")),
        Form("Kept are the k columns whose mean square is largest, where k is $value.",
             "size = (z**2).mean(axis=0)\n" + _KEPT, ("3", "4", "5")),
    ),
    "trust": (
        Form("A row is trusted 1 / (1 + m), where m is the largest size among its values.",
             "return 1 / (1 + np.abs(z).max(axis=1))"),
        Form("A row is trusted exp(-m / c), where m is the mean size of its values and c is $value.",
             "return np.exp(-np.abs(z).mean(axis=1) / $value)", _SIZES),
        Form("A row is trusted 1 if at most k of its values are larger than 1 in size, and 1/2 otherwise, "
             "where k is $value.",
             "return np.where((np.abs(z) > 1).sum(axis=1) <= $value, 1.0, 0.5)", ("1", "2", "3")),
    ),
    "loss": (
        Form("The loss of an error e is e^2 / 2 where e is at most c in size, and c (|e| - c / 2) elsewhere, "
             "where c is $value.",
             "size = np.abs(error)\n"
             "return np.where(size <= $value, error**2 / 2, $value * (size - $value / 2))", ("0.2", "0.5", "1")),
        Form("The loss of an error e is q e where e is positive, and (q - 1) e elsewhere, where q is $value.",
             "return np.where(error > 0, $value * error, ($value - 1) * error)", ("0.2", "0.3", "0.8")),
        Form("The loss of an error e is log cosh(e / c), where c is $value.",
             "return np.log(np.cosh(error / $value))", ("0.5", "1", "2")),
    ),
    "temper": (
        Form("The weights of a prediction are divided by the largest of them.",
             "return weights / weights.max(axis=1, keepdims=True)"),
        Form("The weights of a prediction are raised to the power p and then divided by their sum, "
             "where p is $value.",
             "raised = weights**$value\nreturn raised / raised.sum(axis=1, keepdims=True)", ("0.5", "2")),
        Form("The weights of a prediction are divided by their median.",
             "return weights / np.median(weights, axis=1, keepdims=True)"),
    ),
    "fold": (
        Form("Row i, counted from 0, belongs to fold i mod k, where k is $value.",
             "return np.arange(n) % $value", ("3", "4", "5")),
        Form("The rows are cut into k runs: of n rows, row i, counted from 0, belongs to fold floor(i k / n), "
             "where k is $value.",
             "return np.arange(n) * $value // n", ("3", "4", "5")),
        Form("Row i, counted from 0, belongs to fold floor(i / 2) mod k, where k is $value.",
             "return np.arange(n) // 2 % $value", ("3", "4", "5")),
    ),
    "unfold": (
        Form("Targets are replaced by their ranks divided by their number: the smallest of n becomes 1 / n, the "
             "largest 1.",
             "return (np.argsort(np.argsort(y)) + 1) / len(y)"),
        Form("A target y becomes sign(y) log(1 + |y| / c), where c is $value.",
             "return np.sign(y) * np.log1p(np.abs(y) / $value)", ("0.5", "1", "2")),
        Form("Targets lose their median and are divided by the median of the sizes that are then left.",
             "moved = y - np.median(y)\nreturn moved / np.median(np.abs(moved))"),
    ),
    "smooth": (
        Form("A sequence is smoothed by the mean over the k values before, the value itself and the k after, as "
             "far as there are any, where k is $value.",
             "return np.array([v[max(0, i - $value) : i + $value + 1].mean() for i in range(len(v))])",
             ("1", "2", "3")),
        Form("A sequence is smoothed from its first value on: each next one becomes a times itself plus 1 - a "
             "times the smoothed one before, where a is $value.",
             "kept = [v[0]]\n"
             "for value in v[1:]:\n"
             "    kept.append($value * value + (1 - $value) * kept[-1])\n"
             "return np.array(kept)", ("0.2", "0.5", "0.7")),
        Form("A sequence is smoothed by the median over the k values before and the value itself, as far as "
             "there are any, where k is $value.",
             "return np.array([np.median(v[max(0, i - $value) : i + 1]) for i in range(len(v))])",
             ("2", "3", "4")),
    ),
    "pair": (
        Form("Appended are the products of neighbouring columns: the first with the second, and so on.",
             "return np.column_stack([z, z[:, :-1] * z[:, 1:]])"),
        Form("Appended are the sizes of the differences of neighbouring columns: the first and the second, "
             "and so on.",
             "return np.column_stack([z, np.abs(z[:, :-1] - z[:, 1:])])"),
        Form("Appended are the larger values of neighbouring columns: the first and the second, and so on.",
             "return np.column_stack([z, np.maximum(z[:, :-1], z[:, 1:])])"),
    ),
}  # fmt: skip
