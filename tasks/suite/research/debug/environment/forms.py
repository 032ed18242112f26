"""The two forms of each part of the repository, from L1 on, and what the specification says of each."""

from collections.abc import Mapping
from typing import Final

from tasks.suite.research.debug.environment.sources import FORMS

_CROSS_ENTROPY: Final = "wanted * np.log(found + 1e-12)"

#: part -> its two forms and what the specification says of each, as in ``sources.FORMS``.
ALL_FORMS: Final[Mapping[str, tuple[tuple[str, str | None], tuple[str, str | None]]]] = {
    "scale": FORMS["scale"],
    "targets": FORMS["targets"],
    "soften": (
        ("(1 - SOFT) * wanted + SOFT / CLASSES",
         "A softened target is 1 - SOFT times the target, plus SOFT / CLASSES at every class."),
        ("(1 - SOFT) * wanted + SOFT / (CLASSES - 1) * (1 - wanted)",
         "A softened target is 1 - SOFT at the right class; the other classes share SOFT evenly."),
    ),
    "held_back": (
        ("np.arange(n) % 5 == 0", "Every fifth row validates, from the first on."),
        ("np.arange(n) >= n - n // 5", "The last fifth of the rows, rounded down, validates."),
    ),
    "batch": FORMS["batch"],
    "start": FORMS["start"],
    "slope": FORMS["slope"],
    "probabilities": (
        ("powers / powers.sum(axis=1, keepdims=True)", "The probabilities of a row add up to 1."),
        ("powers / powers.sum(axis=0, keepdims=True)", None),
    ),
    "gradient": FORMS["gradient"],
    "clip": (
        ("slopes * min(1, LIMIT / max(np.linalg.norm(slopes), 1e-12))",
         "A layer's gradient that is longer than LIMIT is shortened to LIMIT, in its own direction."),
        ("np.clip(slopes, -LIMIT, LIMIT)", "Entries of a gradient are cut off at -LIMIT and LIMIT."),
    ),
    "pace": FORMS["pace"],
    "push": (
        ("MOMENTUM * velocity + slopes", FORMS["push"][0][1]),
        ("MOMENTUM * velocity + (1 - MOMENTUM) * slopes", FORMS["push"][1][1]),
    ),
    "shrink": (
        ("weights * (1 - rate * DECAY)", "In a step weights first lose the share rate x DECAY."),
        ("weights * (1 - DECAY)", "In a step weights first lose the share DECAY, whatever the rate."),
    ),
    "average": (
        ("KEPT * mean + (1 - KEPT) * weights", "The average keeps the share KEPT of itself in a step."),
        ("(1 - KEPT) * mean + KEPT * weights", "The average takes the share KEPT of the weights in a step."),
    ),
    "loss": (
        (f"-np.mean(np.sum({_CROSS_ENTROPY}, axis=1))", "The loss is the mean of the rows' cross-entropies."),
        (f"-np.sum({_CROSS_ENTROPY})", "The loss is the sum of the rows' cross-entropies."),
    ),
    "best": (
        ("int(np.argmin(losses))", "The weights of the epoch with the smallest validation loss are kept."),
        ("len(losses) - 1", "The weights of the last epoch are kept."),
    ),
    # A seed that is used again, validation rows that are trained on, a cache that is not renewed.
    "seeding": (("SEED + epoch", "Each epoch draws its batches with its own seed, SEED + its number."), ("SEED", None)),
    "trained_on": (
        ("np.flatnonzero(~out)", "Rows that validate are not trained on."), ("np.arange(len(out))", None),
    ),
    "checked": (
        ("weights", "An epoch validates the averages as they are at its end."),
        ("stored if stored.shape == weights.shape else weights", None),
    ),
}  # fmt: skip
#: Wrong parts that leave a plausible training, and the one that hides all others: nothing is learnt.
SILENT: Final = ("soften", "held_back", "clip", "shrink", "average", "loss", "best", "seeding", "trained_on")
MASK: Final = "start"
#: One of these, whose arguments are no whole numbers, is wrong in every world and has a worked example.
TOLD: Final = ("scale", "slope", "probabilities", "gradient", "push")
