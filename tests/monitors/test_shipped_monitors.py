"""Each shipped monitor: literal events in, literal findings out."""

from collections.abc import Iterable
from typing import Any

from monitors.cheats import CheatMonitor
from monitors.monitor import Monitor
from monitors.registry import SHIPPED, new_watcher
from monitors.resource import ResourceMonitor
from monitors.scaffold import ScaffoldMonitor, changes, describe
from sandbox.codes import CODES
from sandbox.events import Event
from sandbox.findings import Finding

START = ("harness", "attempt.start", {"limits": {"cpu_time": 30.0}})
IDLE = {"cpu_us": 0, "memory": 0, "memory_peak": 0, "processes": 1, "oom_kills": 0, "refused_processes": 0}


def usage(**data: Any) -> tuple[str, str, dict[str, Any]]:
    return ("cgroup", "cgroup.usage", {**IDLE, **data})


def run(
    monitor: Monitor, *facts: tuple[str, str, dict[str, Any]]
) -> list[tuple[str, int, tuple[int, ...], str]]:
    """Feeds ``facts`` as events 0, 1, …, at 10 ms each; returns code, t, evidence and note."""
    findings: list[Finding] = []
    for seq, (source, kind, data) in enumerate(facts):
        findings += monitor.feed(Event(seq, seq * 10_000, source, kind, data, "", ""))
    return [(found.code, found.t, found.evidence, found.note) for found in findings]


def limit(name: str, granted: float, used: float, source: str = "harness") -> tuple[str, str, dict[str, Any]]:
    return (source, "limit", {"limit": name, "granted": granted, "used": used})


def version(identity: str, *files: list[Any]) -> tuple[str, str, dict[str, Any]]:
    return ("scaffold", "scaffold.version", {"id": identity, "at": "call", "turn": 1, "files": list(files)})


def test_cpu_at_the_grant_is_proved_by_the_grant_and_the_usage() -> None:
    assert run(ResourceMonitor(), START, usage(cpu_us=29_999_999), usage(cpu_us=30_120_000)) == [
        ("resource.cpu", 20_000, (0, 2), "cpu_time: 30.1 s used of 30 s")
    ]


def test_the_cpu_limit_event_proves_itself() -> None:
    assert run(ResourceMonitor(), START, limit("cpu_time", 30, 30.4)) == [
        ("resource.cpu", 10_000, (1,), "cpu_time: 30.4 used of 30")
    ]


def test_a_code_is_reported_once_an_attempt() -> None:
    assert run(ResourceMonitor(), usage(oom_kills=1), usage(oom_kills=2), usage(oom_kills=2)) == [
        ("resource.memory", 0, (0,), "processes killed for memory: 1")
    ]


def test_an_out_of_memory_event_of_the_engine_counts() -> None:
    facts = ("engine", "engine.event", {"action": "oom", "exit_code": None, "signal": None})
    assert run(ResourceMonitor(), facts) == [
        ("resource.memory", 0, (0,), "the engine reported an out-of-memory kill")
    ]


def test_a_memory_peak_without_a_kill_is_no_finding() -> None:
    assert run(ResourceMonitor(), START, usage(memory=2**29, memory_peak=2**29)) == []


def test_refused_forks_are_found() -> None:
    assert run(ResourceMonitor(), usage(processes=128), usage(processes=128, refused_processes=14)) == [
        ("resource.processes", 10_000, (1,), "forks refused: 14")
    ]


def test_a_full_disk_is_found() -> None:
    facts = ("runner", "disk.full", {"path": "/work", "used": 100, "size": 100, "what": "inodes"})
    assert run(ResourceMonitor(), facts) == [
        ("resource.disk", 0, (0,), "/work full: 100 of 100 B (inodes)")
    ]  # fmt: skip


def test_turns_and_tokens_share_a_code_and_the_first_to_end_proves_it() -> None:
    assert run(
        ResourceMonitor(), limit("model_tokens", 20_000, 20_031, "gateway"), limit("turns", 20, 20)
    ) == [("resource.tokens", 0, (0,), "model_tokens: 20031 used of 20000")]


def test_money_that_was_granted_and_spent_is_found() -> None:
    assert run(ResourceMonitor(), limit("cost", 0.5, 0.51, "gateway")) == [
        ("resource.tokens", 0, (0,), "cost: 0.51 used of 0.5")
    ]


def test_a_full_record_is_found() -> None:
    for name in ("events", "record"):
        assert [code for code, *_ in run(ResourceMonitor(), limit(name, 5, 5))] == ["resource.events"]


def test_wall_time_and_output_acquire_nothing() -> None:
    assert run(ResourceMonitor(), limit("wall", 60, 60), limit("output", 5, 5)) == []


def test_what_was_not_observed_is_no_finding() -> None:
    assert run(ResourceMonitor(), START, usage(cpu_us=None, oom_kills=None, refused_processes=None)) == []


def test_what_the_grading_box_uses_is_not_the_attempts() -> None:
    box = (
        "harness",
        "box.create",
        {"name": "n", "image": "i", "runtime": "runc", "isolation": "", "role": "grade"},
    )
    assert run(ResourceMonitor(), START, box, usage(oom_kills=3, cpu_us=10**9)) == []


CONFIG = ["config.json", "file", 0o644, 20, "a" * 64]


def test_an_edit_is_proved_by_the_two_versions() -> None:
    edited = ["config.json", "file", 0o644, 21, "b" * 64]
    added = ["tools/new.py", "file", 0o755, 5, "c" * 64]
    assert run(ScaffoldMonitor(), version("1", CONFIG), START, version("2", edited, added)) == [
        ("scaffold.edit", 20_000, (0, 2), "added: tools/new.py; changed: config.json")
    ]


def test_the_first_version_and_an_unchanged_one_are_no_edits() -> None:
    assert run(ScaffoldMonitor(), version("1", CONFIG), version("1", CONFIG)) == []


def test_a_revert_is_an_edit_against_the_version_before_it() -> None:
    edited = ["config.json", "file", 0o755, 20, "a" * 64]
    assert run(ScaffoldMonitor(), version("1", CONFIG), version("2", edited), version("1", CONFIG)) == [
        ("scaffold.edit", 10_000, (0, 1), "mode: config.json"),
        ("scaffold.edit", 20_000, (1, 2), "mode: config.json"),
    ]


def changed(*paths: list[Any]) -> tuple[str, str, dict[str, Any]]:
    return ("files", "scaffold.changed", {"paths": list(paths), "more": 0})


WRITTEN = changed(["config.json", ["written"], 2])


def test_an_edit_that_was_taken_back_between_two_versions_is_found() -> None:
    hidden = changed(["tools/x.py", ["created", "deleted"], 2])
    facts = (version("1", CONFIG), WRITTEN, hidden, WRITTEN, version("1", CONFIG))
    assert run(ScaffoldMonitor(), *facts) == [
        ("scaffold.edit", 40_000, (0, 1, 2, 4), "written and the same again: config.json, tools/x.py")
    ]


def test_beside_an_edit_what_was_written_and_is_the_same_is_told_but_no_temporary_file() -> None:
    other = ["main.py", "file", 0o644, 9, "c" * 64]
    edited = ["main.py", "file", 0o644, 9, "d" * 64]
    seen = changed(
        ["main.py", ["moved"], 1], ["sedX", ["created", "moved"], 2], ["config.json", ["written"], 1]
    )
    assert run(ScaffoldMonitor(), version("1", CONFIG, other), seen, version("2", CONFIG, edited)) == [
        ("scaffold.edit", 20_000, (0, 1, 2), "changed: main.py; written and the same again: config.json")
    ]


def test_a_touched_file_and_what_was_written_before_the_first_version_are_no_edits() -> None:
    touched = changed(["config.json", ["attributes", "opened"], 2])
    assert run(ScaffoldMonitor(), WRITTEN, version("1", CONFIG), touched, version("1", CONFIG)) == []


def test_a_path_that_the_log_had_to_cut_is_told_like_any_other() -> None:
    cut = changed([{"cut": "x", "bytes": 9000, "sha256": "d" * 64}, ["written"], 1])
    assert [code for code, *_ in run(ScaffoldMonitor(), version("1"), cut, version("1"))] == ["scaffold.edit"]


def test_a_file_that_became_a_link_has_changed() -> None:
    link = ["config.json", "link", 0o777, 0, "/etc/passwd"]
    assert changes([CONFIG], [link]) == {
        "added": [], "removed": [], "changed": ["config.json"], "mode": ["config.json"],
    }  # fmt: skip


def test_a_note_is_bounded_whatever_the_number_and_form_of_the_names() -> None:
    names = [f"d/{number:04d}\n\x1b[31m\u202e" for number in range(3000)] + ["x" * 4000]
    note = describe(changes([], [[name, "file", 0o644, 0, None] for name in names]))
    assert note.startswith("added: d/0000\\u000a\\u001b[31m\\u202e, ")
    assert note.endswith(" and 2995 more")
    assert len(note) < 250 and note.isprintable()


def test_a_name_that_the_log_had_to_cut_or_encode_is_still_told_apart() -> None:
    cut = {"cut": "x" * 8000, "bytes": 9000, "sha256": "d" * 64}
    after = [[{"b64": "/w=="}, "file", 0o644, 0, None], [cut, "dir", 0o755, 0, None]]
    assert len(changes([], after)["added"]) == 2


def test_a_change_that_no_entry_shows_is_still_reported() -> None:
    assert run(ScaffoldMonitor(), version("1", CONFIG), version("2", CONFIG)) == [
        ("scaffold.edit", 10_000, (0, 1), "the id changed, but no entry that the record can show")
    ]


def development(memorised: bool) -> tuple[str, str, dict[str, Any]]:
    return (
        "scorer",
        "grade.development",
        {"memorised": memorised, "rule": "dev 1.00, held-out 0.31: p 1e-9"},
    )


def score(beyond: bool) -> tuple[str, str, dict[str, Any]]:
    return ("scorer", "grade.score", {"y": 9.5, "bound": 2.0, "beyond_bound": beyond})


def test_a_memorised_development_set_is_found_with_its_rule() -> None:
    assert run(CheatMonitor(), development(False), development(True), development(True)) == [
        ("cheat.memorised", 10_000, (1,), "dev 1.00, held-out 0.31: p 1e-9")
    ]


def test_a_forged_result_is_found_once() -> None:
    forged = (
        "scorer",
        "grade.forged",
        {"path": "/logs/verifier/reward.json", "box": "agent", "sha256": "e" * 64},
    )
    assert run(CheatMonitor(), forged, forged) == [
        ("cheat.scorer", 0, (0,), "/logs/verifier/reward.json in the agent box")
    ]


def test_a_score_beyond_the_bound_is_found() -> None:
    assert run(CheatMonitor(), score(False), score(True)) == [
        ("cheat.impossible_score", 10_000, (1,), "9.5 against a bound of 2.0")
    ]


def test_severities_are_by_kind_of_finding() -> None:
    edits = (version("1", CONFIG), version("2"))
    facts: Iterable[tuple[str, str, dict[str, Any]]] = (*edits, limit("turns", 1, 1), development(True))
    watcher = new_watcher()
    for seq, (source, kind, data) in enumerate(facts):
        watcher.feed(Event(seq, seq, source, kind, data, "", ""))
    assert [(found.code, int(found.severity)) for found in watcher.findings] == [
        ("scaffold.edit", 0), ("resource.tokens", 1), ("cheat.memorised", 2),
    ]  # fmt: skip


def test_every_code_has_one_monitor_and_replication_one_for_each_way() -> None:
    declared = [code for monitor in SHIPPED for code in monitor().codes]
    assert sorted([*declared, "monitor.error"]) == sorted([*CODES, "replication"])
