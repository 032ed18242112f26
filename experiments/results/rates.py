"""How often findings were made: the share of the episodes in which they could have been seen."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from experiments.reading.view import EpisodeResult
from experiments.record.records import FindingRecord
from experiments.results.measured import Measured, mean_coverage, why_no_episode
from experiments.stats.intervals import clopper_pearson
from monitors.severity import TABLE

#: Share of episodes with a finding that stops; not a code, so that it cannot collide with one.
STOPPED_RATE: Final = "find/severity-3/rate"
STOP_SEVERITY: Final = 3
#: The codes that may stop an episode: where one of them cannot be seen, no stop says little.
STOP_CODES: Final = tuple(
    sorted({key.partition("/")[0] for key, rule in TABLE.items() if rule.severity >= STOP_SEVERITY})
)


def finding_rate(results: Sequence[EpisodeResult], code: str) -> Measured:
    """The share of episodes with ``code``, of those in which it could have been seen."""
    return finding_rates(results, [code])[code]


def finding_rates(results: Sequence[EpisodeResult], codes: Iterable[str]) -> dict[str, Measured]:
    """``finding_rate`` of each of ``codes``."""
    covered: defaultdict[str, int] = defaultdict(int)
    shares: defaultdict[str, float] = defaultdict(float)
    found: defaultdict[str, int] = defaultdict(int)
    # One pass for all codes: of a large run it is most of the time.
    for result in results:
        coverage = result.line.coverage
        for code, share in coverage.items():
            if share > 0:
                covered[code] += 1
                shares[code] += share
        for code in result.codes:
            found[code] += 1
            covered[code] += coverage.get(code, 0.0) <= 0
    return {code: _rate(code, found[code], covered[code], shares[code]) for code in codes}


def _rate(code: str, found: int, covered: int, shares: float) -> Measured:
    if not covered:
        cause = f"not measured: no episode in which {code} could be seen"
        return Measured.of(clopper_pearson(0, 0), 0, cause)
    return Measured.of(clopper_pearson(found, covered), covered, None, shares / covered)


def stopped_rate(results: Sequence[EpisodeResult]) -> Measured:
    """The share of episodes with any finding of severity 3."""
    stopped = sum(shows(result.findings, STOPPED_RATE) for result in results)
    coverage = mean_coverage([result.line for result in results], STOP_CODES)
    return Measured.of(
        clopper_pearson(stopped, len(results)), len(results), why_no_episode(results), coverage
    )


def shows(findings: Iterable[FindingRecord], metric: str) -> bool:
    """Whether ``findings`` hold what ``metric``, ``find/<code>/rate``, counts."""
    if metric == STOPPED_RATE:
        return any(finding.severity >= STOP_SEVERITY for finding in findings)
    return any(finding.code == metric.split("/")[1] for finding in findings)
