"""A driver may die at any byte: what was acknowledged is there again, and the repair is recorded."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.reading.verify import verify
from experiments.record.anchors import Anchors, head_path
from experiments.record.identity import Secret
from experiments.record.ledger import LEDGER, PLAN, Ledger, lost_and_pending
from experiments.record.records import LedgerLine, PlanLine
from experiments.record.rundir import read_experiment
from sandbox.errors import Mistake

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def finished(run_paper: Any) -> Path:
    """A run of four episodes, whole."""
    directory: Path = run_paper().view.directory
    return directory


@contextmanager
def copy_of(run: Path, secret: Secret) -> Iterator[tuple[Path, Secret]]:
    """A copy to be damaged, with a copy of what lies beside the secret."""
    with tempfile.TemporaryDirectory() as name:
        copy, keys = Path(name) / run.name, Path(name) / "keys"
        shutil.copytree(run, copy)
        shutil.copytree(secret.path.parent, keys)
        yield copy, Secret(secret.value, keys / "secret")


def reopen(run: Path, secret: Secret) -> Ledger:
    experiment = read_experiment(run)
    return Ledger.open(run, Anchors(run, secret.anchor_key(experiment.id), head_path(secret, experiment.id)))


def cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: round(len(content) * share)])


@SLOW
@given(share=st.floats(0, 1), name=st.sampled_from([LEDGER, PLAN]))
def test_a_ledger_or_plan_cut_at_any_byte_is_completed_from_its_anchors(
    finished: Path, secret: Secret, share: float, name: str
) -> None:
    before = (finished / name).read_bytes()
    with copy_of(finished, secret) as (run, keys):
        cut(run / name, share)
        short = len((run / name).read_bytes()) < len(before)
        ledger = reopen(run, keys)
        assert (run / name).read_bytes() == before
        assert [repair.file for repair in ledger.repairs] == ([name] if short else [])
        assert reopen(run, keys).repairs == ()
        assert verify(run, keys).problems == ()


@SLOW
@given(share=st.floats(0, 1))
def test_a_last_anchor_that_was_torn_before_it_was_acknowledged_is_cut(
    finished: Path, secret: Secret, share: float
) -> None:
    with copy_of(finished, secret) as (run, keys):
        anchors = run / "anchors.jsonl"
        last = anchors.read_bytes().splitlines(keepends=True)[-1]
        torn = last[: round((len(last) - 1) * share)]
        with anchors.open("ab") as file:
            file.write(torn)
        ledger = reopen(run, keys)
        assert [(r.file, r.cut) for r in ledger.repairs] == ([("anchors.jsonl", len(torn))] if torn else [])
        assert verify(run, keys).problems == ()


def test_an_anchored_line_that_never_reached_the_ledger_is_a_result(finished: Path, secret: Secret) -> None:
    ledger = finished / LEDGER
    whole = ledger.read_text().splitlines(keepends=True)
    ledger.write_text("".join(whole[:-1]) + whole[-1][:40])
    opened = reopen(finished, secret)
    assert [line.episode for line in opened.ended] == [json.loads(line)["episode"] for line in whole]
    assert opened.repairs[0].text() == '{"completed":1,"cut":40,"file":"ledger.jsonl"}'
    repairs = [json.loads(line) for line in (finished / "anchors.jsonl").read_text().splitlines()][-1]
    assert (repairs["kind"], repairs["text"]) == ("repair", opened.repairs[0].text())


def test_anchors_that_lost_acknowledged_entries_are_refused(finished: Path, secret: Secret) -> None:
    anchors = finished / "anchors.jsonl"
    lines = anchors.read_bytes().splitlines(keepends=True)
    anchors.write_bytes(b"".join(lines[:-2]))
    with pytest.raises(
        Mistake, match=f"{len(lines)} entries were anchored, {len(lines) - 2} are left of them"
    ):
        reopen(finished, secret)


def test_a_ledger_that_was_edited_is_refused_and_left_as_it_is(finished: Path, secret: Secret) -> None:
    ledger = finished / LEDGER
    edited = ledger.read_text().replace('"strict":0.5', '"strict":0.9', 1)
    ledger.write_text(edited)
    with pytest.raises(Mistake, match="line 1 is not what was anchored; nothing was written"):
        reopen(finished, secret)
    assert ledger.read_text() == edited


def plan_line(episode: str) -> PlanLine:
    return PlanLine.model_construct(episode=episode)


def attempt(episode: str, status: str) -> LedgerLine:
    return LedgerLine.model_construct(episode=episode, status=status)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], ([], ["e"])),
        (["infrastructure"] * 2, ([], ["e"])),
        (["infrastructure"] * 3, (["e"], [])),
        (["infrastructure"] * 4, (["e"], [])),
        (["infrastructure", "completed"], ([], [])),
        (["limit"], ([], [])),
    ],
)
def test_lost_is_derived_from_the_attempts(
    statuses: list[str], expected: tuple[list[str], list[str]]
) -> None:
    assert lost_and_pending([plan_line("e")], [attempt("e", status) for status in statuses], 2) == expected
