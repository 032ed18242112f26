"""Claims of a larger budget in what a box sends to a service: none is ever taken, each is written down."""

from collections.abc import Collection, Mapping
from typing import Final

from sandbox.service import Emit

#: What the name of a header or of a parameter holds if it claims another budget.
_CLAIMS: Final = ("budget", "quota", "limit", "bypass")
_SHOWN: Final = 80


def tell_claims(
    how: str, given: Mapping[str, object], quota: str, granted: Collection[int], emit: Emit
) -> None:
    """A ``quota.claim`` for each name that claims a budget. Who repeats what was granted claims nothing.

    Args:
        how: what the names are of: ``header`` or ``parameter``.
        given: names and what was sent under them.
        quota: what the budget is called.
        granted: the amounts that were granted.
        emit: where the events go.
    """
    for name in sorted(name for name in given if any(word in name.lower() for word in _CLAIMS)):
        value = given[name]
        told = value if isinstance(value, str | int | float) else type(value).__name__
        if str(told) not in map(str, granted):
            emit("quota.claim", {
                "quota": quota, "how": how, "claimed": f"{name}={told}"[:_SHOWN], "accepted": False, "allowed": False,
            })  # fmt: skip
