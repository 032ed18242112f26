"""A check of what was observed: it judges and touches nothing."""

from collections.abc import Callable
from typing import Final

from sandbox.selftest.checks import Check, Outcome, tried
from sandbox.selftest.host.observed import Observed

Judge = Callable[[Observed], Outcome]
#: Name, meaning and function of each, in the order of their definition.
JUDGES: Final[list[tuple[str, str, Judge]]] = []


def judge(name: str, meaning: str) -> Callable[[Judge], Judge]:
    """Makes a check ``host.NAME`` of a function."""

    def register(look: Judge) -> Judge:
        JUDGES.append((f"host.{name}", meaning, look))
        return look

    return register


def judge_all(seen: Observed) -> list[Check]:
    """Every check of this kind."""

    def bound(look: Judge) -> Callable[[], Outcome]:
        return lambda: look(seen)

    return [tried(name, meaning, bound(look)) for name, meaning, look in JUDGES]
