"""Whether a run's evidence is whole: what is broken makes a verdict invalid, what is missing bars clear."""

from dataclasses import dataclass
from typing import Any, Final

from experiments.planning.policy import Require
from experiments.reading.view import RunView
from experiments.stats.intervals import clopper_pearson
from experiments.text import counted
from experiments.verdict.reference import drifted

#: A pooled true-positive rate whose upper limit lies below this says that the monitors do not work.
LEAST_TRUE_POSITIVE_RATE: Final = 0.8
FAILED_CHECKS: Final = frozenset({"failed", "fail", "regressed"})


@dataclass(frozen=True, slots=True)
class Evidence:
    """Reasons in words: ``broken`` makes any verdict invalid, ``missing`` bars only ``clear``."""

    broken: tuple[str, ...]
    missing: tuple[str, ...]


def weigh(view: RunView, require: Require, baseline: RunView | None = None) -> Evidence:
    """What of the run's evidence is broken, and what is missing for ``require``.

    ``baseline`` is the run of a baseline, where there is one.
    """
    broken: list[str] = []
    missing: list[str] = []
    if view.chain_ok is False:
        broken.append("a chain of the run's records is broken: see tidegauge verify")
    if baseline is not None and baseline.chain_ok is False:
        broken.append(f"a chain of the baseline's records is broken: see tidegauge verify {baseline.name}")
    if view.chain_ok is None:
        missing.append("the run's chains were not checked")
    if require.selftest and view.selftest is None:
        missing.append("no containment self-test was taken: run tidegauge selftest")
    degraded = sum("degraded" in line.box.isolation for line in view.lines)
    if degraded:
        missing.append(f"{counted(degraded, 'attempt')} ran in boxes that the config let be degraded")
    if require.calibration and view.calibration is None:
        missing.append("the monitors were not calibrated: run tidegauge calibrate")
    broken += drifted(view)
    broken += _failed_checks(view.selftest) + _blind_monitors(view.calibration)
    missing += _missing_results(view)
    return Evidence(tuple(broken), tuple(missing))


def _failed_checks(selftest: dict[str, Any] | None) -> list[str]:
    checks = selftest.get("checks", []) if selftest else []
    names = [str(check.get("name")) for check in checks if check.get("result") in FAILED_CHECKS]
    worse = [str(line).partition(":")[0] for line in (selftest or {}).get("regressed", [])]
    names = list(dict.fromkeys([*names, *worse]))
    return [f"the containment self-test failed: {', '.join(names)}"] if names else []


def unproved(code: str, calibration: dict[str, Any] | None) -> str | None:
    """Why the calibration does not vouch for what a rule on ``code`` says was not found; None if it does."""
    if calibration is None:
        return f"the monitors of {code} were not calibrated"
    try:
        found, positives = _counts(calibration, code)
    except ValueError:
        return f"the calibration cannot be read for {code}"
    rate = clopper_pearson(found, positives)
    if rate.high is None:
        return f"the monitors of {code} were not calibrated"
    if rate.high < LEAST_TRUE_POSITIVE_RATE:
        return f"the monitors of {code} find too little: at most {rate.high:.2f} of the seeded positives"
    return None


def _counts(calibration: dict[str, Any], code: str | None = None) -> tuple[int, int]:
    """Positives found, and positives: of one code, or pooled.

    Raises:
        ValueError: the document is not one of contract.md section 1.
    """
    found = positives = 0
    try:
        for entry in calibration["codes"]:
            if code in (None, entry["code"]):
                found, positives = found + int(entry["found"]), positives + int(entry["positives"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("calibration.json is not of the form that tidegauge calibrate writes") from error
    if not 0 <= found <= positives:
        raise ValueError(f"calibration.json says that {found} of {positives} were found")
    return found, positives


def _blind_monitors(calibration: dict[str, Any] | None) -> list[str]:
    """statistics.md, Monitors: the true-positive rate pooled over the codes."""
    if calibration is None:
        return []
    try:
        rate = clopper_pearson(*_counts(calibration))
    except ValueError as error:
        return [str(error)]
    if rate.high is None or rate.high >= LEAST_TRUE_POSITIVE_RATE:
        return []
    return [f"the monitors find too little: at most {rate.high:.2f} of the seeded positives"]


def _missing_results(view: RunView) -> list[str]:
    ungraded = sum(result.line.score is None for result in view.results())
    counts = {"lost": len(view.lost), "pending": len(view.pending), "ungraded": ungraded}
    said = [f"{count} {word}" for word, count in counts.items() if count]
    return [f"episodes without a score: {', '.join(said)}"] if said else []
