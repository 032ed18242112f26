"""How far the evidence carries: what could be seen, how well the monitors find it, what the box holds."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from experiments.reading.view import EpisodeResult, RunView
from experiments.text import plain
from sandbox.codes import CODES

#: Results of the self-test in the order in which they are told; ``held`` is only counted.
_TOLD: Final = ("failed", "accepted", "untestable")


@dataclass(frozen=True, slots=True)
class Visibility:
    """One finding code. ``mean`` and ``least`` are shares of an attempt in which it could be seen.

    ``found`` of ``positives`` seeded ones were found, ``false`` of ``negatives`` were claimed; the
    intervals are exact. None where no calibration holds the code.
    """

    code: str
    mean: float | None
    least: float | None
    found: int | None = None
    positives: int | None = None
    found_interval: tuple[float, float] | None = None
    false: int | None = None
    negatives: int | None = None
    false_interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibration in a few numbers: those of ``Visibility`` over all codes, and the codes that fell short."""

    found: int
    positives: int
    false: int
    negatives: int
    #: Codes of which a seeded one was missed, and codes that an innocent was claimed of.
    missed: tuple[str, ...]
    mistaken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SelfTest:
    """The containment self-test: ``told`` holds each check that did not simply hold, as (result, name, detail)."""

    counts: dict[str, int]
    told: tuple[tuple[str, str, str], ...]
    regressed: tuple[str, ...]
    runtime: str
    taken: str


def visibility(view: RunView) -> list[Visibility]:
    """Every finding code of this version and of the run: its coverage, and its calibration if one was taken."""
    results = view.results()
    shares = _shares(results)
    rates = {str(entry["code"]): entry for entry in (view.calibration or {}).get("codes", [])}
    codes = dict.fromkeys([*CODES, *(code for result in results for code in result.codes), *rates])
    found: list[Visibility] = []
    for code in codes:
        mean, least = shares(code)
        entry = rates.get(code)
        found.append(Visibility(code, mean, least, **(_rates(entry) if entry else {})))
    return found


def calibrated(codes: Sequence[Visibility]) -> Calibrated | None:
    """The calibration over all ``codes``; None where none holds any of them."""
    taken = [one for one in codes if one.positives is not None]
    if not taken:
        return None
    return Calibrated(
        sum(one.found or 0 for one in taken),
        sum(one.positives or 0 for one in taken),
        sum(one.false or 0 for one in taken),
        sum(one.negatives or 0 for one in taken),
        tuple(one.code for one in taken if (one.found or 0) < (one.positives or 0)),
        tuple(one.code for one in taken if one.false),
    )


def _shares(results: Sequence[EpisodeResult]) -> Callable[[str], tuple[float | None, float | None]]:
    """Gives the mean and the least share by code. Few attempts are covered unlike others: each kind counts once."""
    kinds: dict[tuple[tuple[str, float], ...], int] = {}
    for result in results:
        kind = tuple(result.line.coverage.items())
        kinds[kind] = kinds.get(kind, 0) + 1
    counted = [(dict(kind), count) for kind, count in kinds.items()]

    def of(code: str) -> tuple[float | None, float | None]:
        if not counted:
            return None, None
        shares = [(coverage.get(code, 0.0), count) for coverage, count in counted]
        return sum(share * count for share, count in shares) / len(results), min(share for share, _ in shares)

    return of


def self_test(view: RunView) -> SelfTest | None:
    """The self-test that was stored with the run; None if none was taken."""
    if view.selftest is None:
        return None
    checks: list[dict[str, Any]] = view.selftest.get("checks", [])
    told = [
        (wanted, plain(str(check.get("name")), 80), plain(str(check.get("detail", ""))))
        for wanted in _TOLD
        for check in checks
        if check.get("result") == wanted
    ]
    taken = view.selftest.get("taken")
    return SelfTest(
        counts=dict(Counter(str(check.get("result")) for check in checks)),
        told=tuple(told),
        regressed=tuple(plain(str(line)) for line in view.selftest.get("regressed", [])),
        runtime=plain(str(view.selftest.get("runtime", "unknown")), 40),
        taken=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(taken))
        if isinstance(taken, int)
        else "unknown",
    )


def _rates(entry: dict[str, Any]) -> dict[str, Any]:
    numbers = {key: entry.get(key) for key in ("found", "positives", "false", "negatives")}
    limits = {
        name: entry.get(key) for name, key in (("found_interval", "tpr_ci"), ("false_interval", "fpr_ci"))
    }
    return numbers | {name: (value[0], value[1]) if value else None for name, value in limits.items()}
