"""Stored logs give what was found live, and a broken log says where."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.monitor import Monitor
from monitors.network import NetworkMonitor
from monitors.registry import SHIPPED, new_watcher
from monitors.rescan import compare, event_logs, rescan_log, rescan_logs
from sandbox.event_log import EventLog
from sandbox.events import BrokenLine, Event
from sandbox.findings import Finding, Severity
from sandbox.vocabulary import KINDS

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**9), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8), st.sampled_from(["cpu_time", "turns", "oom", "grade", "up", "lost", "absent", "runner"]),
    st.just({"cpu_time": 2.0}), st.just([["a", "file", 420, 0, None]]),
)  # fmt: skip


@st.composite
def facts(draw: st.DrawFn) -> tuple[str, str, dict[str, Any]]:
    """Any event of the vocabulary, most of its fields there, with any values."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    source = draw(st.sampled_from(KINDS[kind].sources))
    data = {field: draw(VALUES) for field in KINDS[kind].data if draw(st.integers(0, 9)) > 0}
    return source, kind, data


@given(st.lists(facts(), max_size=30))
@settings(max_examples=150, deadline=None)
def test_a_rescan_equals_what_was_found_live(attempt: list[tuple[str, str, dict[str, Any]]]) -> None:
    live = new_watcher()
    with TemporaryDirectory() as directory:
        path = Path(directory) / "events.jsonl"
        with EventLog(path) as log:
            for source, kind, data in attempt:
                live.feed(log.append(source, kind, data))
        again = rescan_log(path)
    assert again.findings == live.findings
    assert again.coverage == live.coverage()
    assert all(0.0 <= share <= 1.0 for share in again.coverage.values())
    assert all(list(found.evidence) == sorted(set(found.evidence)) for found in again.findings)


def findings(monitor: Monitor, attempt: Iterable[Event]) -> list[Finding | str]:
    """What a monitor finds in an attempt, up to the event on which it fails, if it does."""
    found: list[Finding | str] = []
    try:
        for event in attempt:
            found += monitor.feed(event)
    except Exception as error:
        found.append(type(error).__name__)
    return found


@given(st.lists(facts(), max_size=40))
@settings(max_examples=100, deadline=None)
def test_a_monitor_finds_in_the_events_of_its_kinds_what_it_finds_in_all(
    attempt: list[tuple[str, str, dict[str, Any]]],
) -> None:
    events = [Event(seq, seq, *fact, "", "") for seq, fact in enumerate(attempt)]
    for monitor in SHIPPED:
        own = [event for event in events if event.kind in monitor().kinds]
        assert findings(monitor(), own) == findings(monitor(), events)


class Sealed(dict[str, Any]):
    """The facts of an event that nobody may read."""

    def __getitem__(self, field: str) -> Any:
        raise AssertionError(f"{field} was read")

    get = __getitem__  # type: ignore[assignment]


@pytest.mark.parametrize("monitor", SHIPPED)
def test_a_monitor_reads_no_event_of_a_kind_that_it_does_not_declare(monitor: type[Monitor]) -> None:
    assert monitor().kinds <= KINDS.keys()
    others = [
        Event(0, 0, KINDS[kind].sources[0], kind, Sealed(), "", "") for kind in KINDS.keys() - monitor().kinds
    ]
    assert findings(monitor(), others) == []


def test_what_reads_a_sealed_event_fails() -> None:
    assert findings(NetworkMonitor(), [Event(0, 0, "runner", "dns.query", Sealed(), "", "")]) == [
        "AssertionError"
    ]


def write_log(path: Path) -> list[bytes]:
    """Three events, the last of which is a finding; returns the lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with EventLog(path) as log:
        log.append("runner", "killed", {"processes": 0, "left": []})
        log.append("harness", "sensor", {"name": "runner", "state": "up", "detail": "", "lost": 0})
        log.append("gateway", "limit", {"limit": "turns", "granted": 20, "used": 20})
    return path.read_bytes().splitlines(keepends=True)


def test_every_log_under_a_directory_is_scanned_under_its_own_name(tmp_path: Path) -> None:
    write_log(tmp_path / "episodes" / "e1" / "0" / "events.jsonl")
    write_log(tmp_path / "other.events.jsonl")
    (tmp_path / "ledger.jsonl").write_text("not an event log\n")
    (tmp_path / "nonevents.jsonl").write_text("not one either\n")
    scan = rescan_logs(tmp_path, event_logs(tmp_path))
    assert sorted(scan.logs) == ["episodes/e1/0/events.jsonl", "other.events.jsonl"]
    assert [found.code for found in scan.logs["other.events.jsonl"].findings] == ["resource.tokens"]
    assert scan.logs["other.events.jsonl"].coverage["resource.disk"] == 1.0
    assert scan.problems == []


@pytest.mark.parametrize(
    ("second_line", "line", "reason"),
    [
        (b"not json\n", 2, "not JSON"),
        (b'{"seq":1}\n', 2, "not an event: needs exactly seq, t, source, kind, data, prev, hash"),
        (b"", 2, "seq is 2, expected 1"),
        (b"[" * 100_000 + b"\n", 2, "not JSON"),
    ],
)
def test_a_malformed_log_is_rejected_with_file_line_and_reason(
    tmp_path: Path, second_line: bytes, line: int, reason: str
) -> None:
    lines = write_log(tmp_path / "a" / "events.jsonl")
    (tmp_path / "a" / "events.jsonl").write_bytes(lines[0] + second_line + lines[2])
    write_log(tmp_path / "b" / "events.jsonl")
    scan = rescan_logs(tmp_path, event_logs(tmp_path))
    assert list(scan.logs) == ["b/events.jsonl"]
    assert [(problem.file, problem.line, problem.reason) for problem in scan.problems] == [
        ("a/events.jsonl", line, reason)
    ]


def test_a_directory_without_a_log_is_a_problem_and_not_an_empty_result(tmp_path: Path) -> None:
    scan = rescan_logs(tmp_path, event_logs(tmp_path))
    assert scan.logs == {}
    assert str(scan.problems[0]) == ".:0: no event log: one is named events.jsonl or NAME.events.jsonl"


def test_a_log_that_cannot_be_opened_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").symlink_to(tmp_path / "gone")
    assert [str(problem) for problem in rescan_logs(tmp_path, event_logs(tmp_path)).problems] == [
        "events.jsonl:0: No such file or directory"
    ]


def test_a_pipe_and_a_line_without_an_end_are_problems_and_keep_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.events.jsonl")
    with (tmp_path / "b.events.jsonl").open("wb") as sparse:
        sparse.truncate(2**27)
    assert [str(problem) for problem in rescan_logs(tmp_path, event_logs(tmp_path)).problems] == [
        "a.events.jsonl:0: is no regular file", "b.events.jsonl:1: is longer than 67108864 bytes",
    ]  # fmt: skip


def test_a_torn_end_is_accepted_of_an_abandoned_attempt_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(write_log(path))[:-10])
    with pytest.raises(BrokenLine, match="the last line is torn"):
        rescan_log(path)
    assert rescan_log(path, torn_end=True).findings == []


EDIT = Finding("scaffold.edit", Severity.RECORDED, 5, (1, 2), "changed: a").as_json()
CPU = Finding("resource.cpu", Severity.NOTABLE, 9, (4,), "cpu_time").as_json()


def test_equal_findings_compare_equal_after_a_round_trip_and_in_any_order() -> None:
    assert compare([EDIT, CPU], [CPU, json.loads(json.dumps(EDIT))]) == []


def test_a_finding_that_one_side_lacks_is_named() -> None:
    assert compare([EDIT, EDIT], [EDIT, CPU]) == [
        'stored, but not found again: {"code":"scaffold.edit","evidence":[1,2],"kind":"","note":"changed: a",'
        '"severity":0,"t":5}',
        'found now, but not stored: {"code":"resource.cpu","evidence":[4],"kind":"","note":"cpu_time","severity":1,"t":9}',
    ]
