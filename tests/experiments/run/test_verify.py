"""Whatever is edited in a run directory, verify says where."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.identity import Secret
from experiments.verify import verify

CHECKED = ("experiment.yaml", "plan.jsonl", "ledger.jsonl", "anchors.jsonl", "verdict.json", "events.jsonl")


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


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_of_any_file_is_found(finished: Path, secret: Secret, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        run = Path(name) / "run"
        shutil.copytree(finished, run)
        path = data.draw(st.sampled_from(files(run)))
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        assert not verify(run, secret).ok


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_cut_and_any_removal_is_found(finished: Path, secret: Secret, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        run = Path(name) / "run"
        shutil.copytree(finished, run)
        path = data.draw(st.sampled_from(files(run)))
        content = path.read_bytes()
        path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
        if data.draw(st.booleans()):
            path.unlink()
        assert not verify(run, secret).ok


def test_a_consistent_rewrite_without_the_key_is_found_by_whoever_has_it(
    finished: Path, secret: Secret
) -> None:
    from experiments.anchors import Anchors, read_anchors

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


def test_an_index_that_names_what_was_never_collected_is_found(finished: Path, secret: Secret) -> None:
    index = sorted(finished.glob("episodes/*/0/artefacts/index.json"))[0]
    index.write_text('[["work", "model.npz", 3, "' + "a" * 64 + '"]]')
    assert [problem.reason for problem in verify(finished, secret).problems] == [
        "'model.npz' was not collected so"
    ]


def test_a_torn_last_event_is_no_error_in_an_abandoned_attempt_and_one_in_an_ended_attempt(
    finished: Path, secret: Secret
) -> None:
    log = sorted(finished.glob("episodes/*/0/events.jsonl"))[0]
    abandoned = log.parent.parent / "1" / "events.jsonl"
    abandoned.parent.mkdir()
    abandoned.write_bytes(log.read_bytes()[:-20])
    assert verify(finished, secret).ok
    log.write_bytes(log.read_bytes()[:-20])
    problem = verify(finished, secret).problems[0]
    assert (problem.file, problem.reason) == (log.relative_to(finished).as_posix(), "the last line is torn")
