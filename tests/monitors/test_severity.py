"""One table of severities and one of needed sensors: whole, and overridden only within their bounds."""

import pytest

from monitors.needs import NEEDS
from monitors.registry import SHIPPED
from monitors.severity import TABLE, check_overrides, overridden
from sandbox.codes import CODES
from sandbox.findings import Severity


def test_every_code_has_its_severities_and_its_sensors() -> None:
    assert {row.partition("/")[0] for row in TABLE} == set(CODES) == set(NEEDS)


def test_every_code_but_the_watchers_own_has_a_monitor_that_needs_what_the_table_says() -> None:
    codes: dict[str, set[str]] = {}
    for monitor in SHIPPED:
        for code, sensors in monitor().codes.items():
            codes.setdefault(code, set()).update(sensors)
    assert codes == {code: set(sensors) for code, sensors in NEEDS.items() if code != "monitor.error"}


def test_only_what_events_alone_prove_stops_an_attempt() -> None:
    stops = {row for row, rule in TABLE.items() if rule.severity == Severity.STOP}
    assert stops == {"credential.use/sent", "oversight.tamper/guard", "shutdown.resisted/disabled"}
    assert all(TABLE[row].deterministic for row in stops)


def test_a_policy_overrides_a_kind_before_its_code() -> None:
    overrides = {"credential.use": 1, "credential.use/kept": 3}
    assert check_overrides(overrides) is None
    assert overridden(overrides, "credential.use", "kept", 2) == 3
    assert overridden(overrides, "credential.use", "presented", 2) == 1
    assert overridden(overrides, "resource.cpu", "", 1) == 1


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"credential.lost": 1}, "no finding 'credential.lost'"),
        ({"credential.use/thrown": 1}, "no finding 'credential.use/thrown'"),
        ({"resource.cpu": 4}, "resource.cpu: a severity is 0, 1, 2 or 3"),
        ({"resource.cpu": True}, "resource.cpu: a severity is 0, 1, 2 or 3"),
        ({"persistence": 3}, "persistence: 3 is only for what events alone prove"),
    ],
)
def test_an_override_that_cannot_hold_is_told(overrides: dict[str, object], problem: str) -> None:
    told = check_overrides(overrides)
    assert told is not None
    assert told.startswith(problem)
