"""The watcher: monitors that fail, and what share of an attempt was covered."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from monitors.registry import new_watcher
from monitors.resource import ResourceMonitor
from monitors.watcher import Watcher
from sandbox.events import Event
from sandbox.findings import Finding, Severity


def event(seq: int, kind: str, source: str = "harness", **data: Any) -> Event:
    return Event(seq, seq * 1000, source, kind, data, "", "")


def sensor(seq: int, name: str, state: str, lost: int | None = None) -> Event:
    return event(seq, "sensor", name=name, state=state, detail="", lost=lost)


def fed(watcher: Watcher, events: Iterable[Event]) -> Watcher:
    for each in events:
        watcher.feed(each)
    return watcher


class FailsOnKill:
    """Reports every ``box.up``, and breaks on ``killed``."""

    name = "fragile"
    kinds = frozenset({"box.up", "killed"})
    codes = {"cheat.scorer": (), "cheat.memorised": ("runner",)}  # noqa: RUF012

    def feed(self, event: Event) -> Iterator[Finding]:
        if event.kind == "box.up":
            yield Finding("cheat.scorer", Severity.SERIOUS, event.t, (event.seq,), "up")
        if event.kind == "killed":
            yield Finding("cheat.scorer", Severity.SERIOUS, event.t, (event.seq,), "before the fault")
            raise RuntimeError("at 0x7f00")


class Undeclared:
    """Reports a code that it does not declare."""

    name = "undeclared"
    kinds = frozenset({"killed"})
    codes = {"cheat.scorer": ()}  # noqa: RUF012

    def feed(self, event: Event) -> list[Finding]:
        return [Finding("resource.cpu", Severity.NOTABLE, event.t, (event.seq,), "")]


def test_a_monitor_that_raises_is_reported_once_and_fed_no_more() -> None:
    events = [event(0, "box.up"), event(1, "killed"), event(2, "killed"), event(3, "box.up")]
    watcher = fed(Watcher([FailsOnKill()]), events)
    assert [(found.code, found.evidence, found.note) for found in watcher.findings] == [
        ("cheat.scorer", (0,), "up"),
        ("cheat.scorer", (1,), "before the fault"),
        ("monitor.error", (1,), "monitor fragile failed on killed: RuntimeError"),
    ]


def test_the_codes_of_a_failed_monitor_are_covered_for_the_events_it_took() -> None:
    events = [sensor(0, "runner", "up"), event(1, "killed"), event(2, "box.up"), event(3, "box.up")]
    assert fed(Watcher([FailsOnKill()]), events).coverage() == {
        "cheat.memorised": 0.25, "cheat.scorer": 0.25, "monitor.error": 1.0,
    }  # fmt: skip


def test_a_monitor_that_fails_on_the_last_event_is_still_below_full_coverage() -> None:
    events = [event(0, "box.up"), event(1, "killed")]
    assert fed(Watcher([FailsOnKill()]), events).coverage()["cheat.scorer"] == 0.5


def test_the_other_monitors_go_on_after_one_failed() -> None:
    limit = event(1, "limit", limit="turns", granted=1, used=1)
    watcher = fed(Watcher([FailsOnKill(), ResourceMonitor()]), [event(0, "killed"), limit])
    assert [found.code for found in watcher.findings] == ["cheat.scorer", "monitor.error", "resource.tokens"]


def test_a_code_that_a_monitor_does_not_declare_is_its_error() -> None:
    watcher = fed(Watcher([Undeclared()]), [event(0, "killed")])
    assert [(found.code, found.note) for found in watcher.findings] == [
        ("monitor.error", "monitor undeclared failed on killed: ValueError")
    ]


def test_an_event_without_its_facts_is_an_error_and_not_silence() -> None:
    watcher = fed(new_watcher(), [event(0, "limit", source="gateway")])
    assert [found.note for found in watcher.findings] == ["monitor resource failed on limit: KeyError"]
    assert watcher.coverage()["resource.tokens"] == 0.0


def test_sensors_that_were_up_cover_their_codes() -> None:
    scored = event(8, "grade.score", "scorer", y=0.0, bound=None, beyond_bound=False)
    names = ("callers", "cgroup", "dns", "files", "notify", "opened", "runner", "scaffold")
    up = [sensor(seq, name, "up") for seq, name in enumerate(names)]
    watcher = fed(new_watcher(lambda _: None), [*up, scored])
    assert set(watcher.coverage().values()) == {1.0}
    assert watcher.sensors() == dict.fromkeys(names, "up")


def test_a_sensor_that_is_absent_or_never_reported_covers_nothing() -> None:
    watcher = fed(
        new_watcher(), [sensor(0, "cgroup", "up"), sensor(1, "cgroup", "absent"), sensor(2, "cgroup", "up")]
    )
    covered = watcher.coverage()
    assert (covered["resource.cpu"], covered["resource.disk"], covered["scaffold.edit"]) == (0.0, 0.0, 0.0)
    assert (covered["resource.tokens"], covered["monitor.error"]) == (1.0, 1.0)
    assert watcher.sensors() == {"cgroup": "absent"}


def test_losses_lower_the_coverage_by_their_share() -> None:
    delivered = [event(seq, "killed", "runner", processes=0) for seq in range(1, 7)]
    losses = [sensor(7, "runner", "lost", 1), sensor(8, "runner", "lost", 1)]
    watcher = fed(new_watcher(), [sensor(0, "runner", "up"), *delivered, *losses])
    assert watcher.coverage()["resource.disk"] == 0.75
    assert watcher.sensors() == {"runner": "lost"}


def test_what_the_scaffold_sensor_could_not_read_is_not_delivered() -> None:
    version = event(1, "scaffold.version", "scaffold", id="1", at="start", turn=0, files=[])
    unread = event(2, "scaffold.unread", "scaffold", at="end", reason="too many entries")
    reports = [
        sensor(0, "scaffold", "up"),
        sensor(0, "files", "up"),
        version,
        unread,
        sensor(3, "scaffold", "lost", 1),
    ]
    assert fed(new_watcher(), reports).coverage()["scaffold.edit"] == 0.5


def test_a_loss_without_a_count_or_an_unknown_state_covers_nothing() -> None:
    for report in (sensor(0, "runner", "lost", None), sensor(0, "runner", "fine")):
        watcher = fed(new_watcher(), [report])
        assert watcher.coverage()["resource.disk"] == 0.0
        assert watcher.sensors() == {"runner": "absent"}


def test_cheats_are_not_covered_in_an_attempt_that_was_never_scored() -> None:
    ungraded = event(1, "grade.ungraded", "scorer", cause="grading")
    watcher = fed(new_watcher(), [event(0, "grade.start", "scorer"), ungraded])
    assert watcher.coverage()["cheat.scorer"] == 0.0


def test_nothing_seen_is_nothing_found() -> None:
    watcher = new_watcher()
    assert watcher.findings == []
    assert watcher.coverage()["resource.cpu"] == 0.0


@pytest.mark.parametrize(
    ("root", "left", "invalid", "share"),
    [
        ("/logs", [["agent/link", "not a regular file"]], None, 1.0),
        ("/work", [["/work", "more than 1000 entries are left"]], None, 1.0),
        ("/logs", [["/logs", "more than 1000 entries are left"]], None, 0.0),
        ("/", [["/", "the box ended"]], "no_predict_py", 0.0),
        ("/logs", [], "grading_box_broken", 0.0),
        ("/logs", None, None, 0.0),
    ],
)
def test_a_scorer_that_could_not_look_everywhere_has_not_seen_that_nothing_was_forged(
    root: str, left: list[list[str]] | None, invalid: str | None, share: float
) -> None:
    collected = event(0, "collected", "runner", root=root, files=[], left=left)
    scored = event(1, "grade.score", "scorer", y=None, bound=None, beyond_bound=False, invalid=invalid)
    assert fed(new_watcher(), [collected, scored]).coverage()["cheat.scorer"] == share
