"""Whatever is edited in a run directory, verify says where."""

import json
import os
import shutil
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from experiments.reading.verify import verify
from experiments.record import attempt_checks
from experiments.record.durable import put_blob
from experiments.record.identity import Secret
from experiments.record.rescan import rescan

#: Everything that a run writes but its blobs, and the report, which is made of the rest.
CHECKED = (
    "experiment.yaml", "plan.jsonl", "ledger.jsonl", "anchors.jsonl", "verdict.json", "events.jsonl",
    "scaffold.jsonl", "index.json",
)  # fmt: skip


@pytest.fixture
def finished(run_paper: Any) -> Path:
    """A run of four episodes, whole."""
    directory: Path = run_paper().view.directory
    return directory


def files(run: Path) -> list[Path]:
    return sorted(path for path in run.rglob("*") if path.name in CHECKED)


def test_an_untouched_run_is_intact_with_and_without_the_key(finished: Path, secret: Secret) -> None:
    assert verify(finished, secret).as_json() == {"ok": True, "anchored": True, "problems": []}
    assert verify(finished, None).as_json() == {"ok": True, "anchored": False, "problems": []}
    other = Secret(b"another secret of somebody", secret.path)
    assert verify(finished, other).as_json() == {"ok": True, "anchored": False, "problems": []}


def test_the_check_says_the_same_spread_over_processes(
    finished: Path, secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = sorted(finished.glob("episodes/*/*/events.jsonl"))
    logs[0].write_bytes(logs[0].read_bytes()[:-1])
    logs[2].unlink()
    shutil.copytree(logs[1].parent, logs[1].parent.with_name("7"))
    (logs[1].parent.with_name("7") / "events.jsonl").write_text("{}\n")
    here = verify(finished, secret)
    assert len(here.problems) == 3
    monkeypatch.setattr(attempt_checks, "WORTHWHILE", 0)
    assert verify(finished, secret).as_json() == here.as_json()


def changed_byte(content: bytes, data: st.DataObject) -> bytes:
    at = data.draw(st.integers(0, len(content) - 1))
    return content[:at] + bytes([content[at] ^ data.draw(st.integers(1, 255))]) + content[at + 1 :]


def cut(content: bytes, data: st.DataObject) -> bytes:
    return content[: data.draw(st.integers(0, len(content) - 1))]


def removed_line(content: bytes, data: st.DataObject) -> bytes:
    lines = content.splitlines(keepends=True)
    del lines[data.draw(st.integers(0, len(lines) - 1))]
    return b"".join(lines)


def inserted_line(content: bytes, data: st.DataObject) -> bytes:
    lines = content.splitlines(keepends=True)
    new = data.draw(st.sampled_from([*lines, b"\n", b"{}\n"]))
    lines.insert(data.draw(st.integers(0, len(lines))), new)
    return b"".join(lines)


def swapped_lines(content: bytes, data: st.DataObject) -> bytes:
    lines = content.splitlines(keepends=True)
    first, second = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    lines[first], lines[second] = lines[second], lines[first]
    return b"".join(lines)


def first_difference(before: bytes, after: bytes) -> int:
    """The first line, from 1, in which two files differ."""
    pairs = enumerate(zip_longest(before.splitlines(keepends=True), after.splitlines(keepends=True)), 1)
    return next(number for number, (a, b) in pairs if a != b)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_edit_of_any_file_is_found_and_the_place_is_told(
    finished: Path, secret: Secret, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(files(finished)))
    before = path.read_bytes()
    edit = data.draw(st.sampled_from([changed_byte, cut, removed_line, inserted_line, swapped_lines]))
    after = edit(before, data)
    assume(after != before)
    try:
        path.write_bytes(after)
        problems = verify(finished, secret).problems
    finally:
        path.write_bytes(before)
    told = [problem for problem in problems if problem.file == path.relative_to(finished).as_posix()]
    assert told
    # A line that is gone or torn shows at the next one at the latest; a file of one document has no lines.
    line = first_difference(before, after)
    assert any(problem.line in (0, line, line - 1) for problem in told)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_file_that_is_gone_and_any_blob_that_is_not_what_it_was_is_named(
    finished: Path, secret: Secret, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from([*files(finished), *sorted((finished / "blobs").iterdir())]))
    before = path.read_bytes()
    try:
        if path.parent.name == "blobs" and data.draw(st.booleans()):
            path.write_bytes(data.draw(st.sampled_from([changed_byte, cut]))(before, data))
        else:
            path.unlink()
        problems = verify(finished, secret).problems
    finally:
        path.write_bytes(before)
    name = path.relative_to(finished).as_posix()
    assert any(name == problem.file or "the blob of" in problem.reason for problem in problems)


@pytest.mark.parametrize("place", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_what_is_no_file_in_the_place_of_one_is_named_and_keeps_nobody_waiting(
    finished: Path, secret: Secret, place: Callable[[Path], None]
) -> None:
    every = {path.name: path for path in files(finished) if path.name != "experiment.yaml"}
    for path in every.values():
        kept = path.rename(finished.parent / "kept")
        place(path)
        name = path.relative_to(finished).as_posix()
        assert name in {problem.file for problem in verify(finished, secret).problems}
        read = path.name in ("ledger.jsonl", "plan.jsonl", "events.jsonl")
        assert [problem.file for problem in rescan(finished)] == ([name] if read else [])
        path.rmdir() if path.is_dir() else path.unlink()
        kept.rename(path)
    assert verify(finished, secret).ok


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_same_tail_cut_from_ledger_and_anchors_is_found(
    finished: Path, secret: Secret, data: st.DataObject
) -> None:
    ledger, anchors = finished / "ledger.jsonl", finished / "anchors.jsonl"
    before = {path: path.read_bytes() for path in (ledger, anchors, finished / "verdict.json")}
    lines, entries = (before[path].splitlines(keepends=True) for path in (ledger, anchors))
    keep = data.draw(st.integers(0, len(lines) - 1))
    places = [number for number, entry in enumerate(entries) if json.loads(entry)["kind"] == "ledger"]
    try:
        ledger.write_bytes(b"".join(lines[:keep]))
        anchors.write_bytes(b"".join(entries[: places[keep]]))
        (finished / "verdict.json").unlink()
        problems = verify(finished, secret).problems
    finally:
        for path, content in before.items():
            path.write_bytes(content)
    expected = f"{len(entries)} entries were anchored, {places[keep]} are there"
    assert expected in [problem.reason for problem in problems]


def test_a_consistent_rewrite_without_the_key_is_found_by_whoever_has_it(
    finished: Path, secret: Secret
) -> None:
    from experiments.record.anchors import Anchors, read_anchors

    entries = read_anchors(finished / "anchors.jsonl", None)
    ledger = finished / "ledger.jsonl"
    ledger.write_text(ledger.read_text().replace('"strict":0.5', '"strict":0.9'))
    (finished / "anchors.jsonl").unlink()
    forged = Anchors(finished, b"not the key", finished.parent / "head.json")
    for entry in entries:
        forged.append(entry.kind, [entry.text.replace('"strict":0.5', '"strict":0.9')])
    assert verify(finished, None).ok
    found = [(problem.file, problem.line, problem.reason) for problem in verify(finished, secret).problems]
    assert found == [("anchors.jsonl", 1, "mac is not this run's")]


def test_an_older_state_of_the_whole_run_is_found(run_paper: Any, secret: Secret, tmp_path: Path) -> None:
    first = run_paper(limit=2).view.directory
    shutil.copytree(first, tmp_path / "old")
    run_paper()
    problems = verify(tmp_path / "old", secret).problems
    assert [problem.reason for problem in problems] == ["12 entries were anchored, 9 are there"]
    # The heads beside the secret are in the keys; without them the old state is consistent.
    assert verify(tmp_path / "old", None).ok


def test_blobs_that_are_missing_changed_or_foreign_are_named(finished: Path, secret: Secret) -> None:
    blobs = finished / "blobs"
    (blobs / ("0" * 64)).write_text("not of that digest")
    (blobs / "note.txt").write_text("hello")
    found = [(problem.file, problem.reason) for problem in verify(finished, secret).problems]
    assert found == [
        (f"blobs/{'0' * 64}", "content is not what its name says"),
        ("blobs/note.txt", "is not named by a digest"),
    ]
    for name in ("0" * 64, "note.txt"):
        (blobs / name).unlink()
    put_blob(finished, b"nobody made this")
    assert [problem.reason for problem in verify(finished, secret).problems] == ["no attempt names it"]


def test_a_log_that_cannot_be_read_may_name_any_blob(finished: Path, secret: Secret) -> None:
    put_blob(finished, b"nobody made this, or the attempt without a log")
    log = sorted(finished.glob("episodes/*/0/events.jsonl"))[0]
    log.unlink()
    found = [(problem.file, problem.reason) for problem in verify(finished, secret).problems]
    assert found == [(log.relative_to(finished).as_posix(), "is missing: the ledger has a line for it")]


@pytest.mark.parametrize(
    ("edited", "expected"),
    [
        ("134", [(2, "is anchored and missing")]),
        ("1x34", [(2, "is not what was anchored")]),
        ("12x34", [(3, "is not anchored")]),
        ("123", [(4, "is anchored and missing")]),
        ("14", [(2, "is anchored and missing"), (3, "is anchored and missing")]),
    ],
)
def test_what_lies_behind_a_missing_or_a_foreign_line_is_no_problem(
    edited: str, expected: list[tuple[int, str]], finished: Path, secret: Secret
) -> None:
    ledger = finished / "ledger.jsonl"
    lines = dict(zip("1234", ledger.read_text().splitlines(), strict=True)) | {"x": "{}"}
    ledger.write_text("".join(f"{lines[name]}\n" for name in edited))
    found = [(problem.line, problem.reason) for problem in verify(finished, secret).problems]
    assert found == expected


def test_a_file_that_was_put_beside_a_log_is_named(finished: Path, secret: Secret) -> None:
    log = sorted(finished.glob("episodes/*/0/events.jsonl"))[0]
    (log.parent / "more.json").write_text("{}")
    found = [(problem.file, problem.reason) for problem in verify(finished, secret).problems]
    assert found == [
        (f"{log.parent.relative_to(finished).as_posix()}/more.json", "the ledger does not name it")
    ]


def test_an_index_that_names_what_was_never_collected_is_found(finished: Path, secret: Secret) -> None:
    index = sorted(finished.glob("episodes/*/0/artefacts/index.json"))[0]
    index.write_text('[["work", "model.npz", 3, "' + "a" * 64 + '"]]')
    found = [problem.reason for problem in verify(finished, secret).problems]
    assert found[:2] == ["is not what the ledger has the digest of", "'model.npz' was not collected so"]


def test_a_torn_last_event_is_no_error_in_an_abandoned_attempt_and_one_in_an_ended_attempt(
    finished: Path, secret: Secret
) -> None:
    log = sorted(finished.glob("episodes/*/0/events.jsonl"))[0]
    abandoned = log.parent.parent / "1" / "events.jsonl"
    abandoned.parent.mkdir()
    abandoned.write_bytes(log.read_bytes()[:-20])
    assert verify(finished, secret).ok
    (finished / "findings.jsonl").write_text("{}\n")
    assert [(p.file, p.reason) for p in verify(finished, secret).problems] == [
        ("findings.jsonl", "is not anchored")
    ]
    log.write_bytes(log.read_bytes()[:-20])
    problem = verify(finished, secret).problems[-1]
    assert (problem.file, problem.reason) == (log.relative_to(finished).as_posix(), "the last line is torn")
