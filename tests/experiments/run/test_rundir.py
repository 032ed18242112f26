"""A run directory appears whole, has one driver at a time, and says what it is."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.reading.reading import load_suite, load_view
from experiments.record import locking, rundir
from sandbox.errors import Mistake


def test_a_second_driver_is_told_who_holds_the_run(run_paper: Any, tmp_path: Path) -> None:
    directory = run_paper().view.directory
    program = (
        "import sys, pathlib\nfrom experiments.record import locking\n"
        "with locking.locked(pathlib.Path(sys.argv[1])):\n    print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-Ic", program, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert str(locking.driver_of(directory)).startswith(f"process {holder.pid} on ")
    with pytest.raises(
        Mistake, match=f"another driver holds this run: process {holder.pid} on .* wait for it"
    ):
        run_paper()
    holder.kill()
    holder.communicate()
    assert locking.driver_of(directory) is None
    assert run_paper().outcome.complete


def test_nothing_is_left_beside_a_run_that_was_made(run_paper: Any) -> None:
    directory = run_paper(limit=0).view.directory
    assert [path for path in directory.parent.iterdir() if path.is_dir()] == [directory]
    assert sorted(path.name for path in directory.iterdir()) == [
        "anchors.jsonl", "blobs", "episodes", "experiment.yaml", "findings.jsonl", "lock", "plan.jsonl",
        "report.html", "verdict.json",
    ]  # fmt: skip


def test_the_directory_is_named_by_suite_and_hash_and_keeps_its_birth(run_paper: Any) -> None:
    first = rundir.read_experiment(run_paper(limit=0).view.directory)
    later = rundir.read_experiment(run_paper(None, "repeats=3", limit=0).view.directory)
    assert first.run == f"paper-{first.hash}"
    assert (later.id, later.created, later.hash) == (first.id, first.created, first.hash)
    assert (first.config["repeats"], later.config["repeats"]) == (2, 3)


@pytest.mark.parametrize("change", ["seed=8", "limits.wall=50s", "version=2", "sandbox.runtime=runc"])
def test_what_would_make_checkpoints_incomparable_makes_another_run(run_paper: Any, change: str) -> None:
    assert run_paper(limit=0).outcome.run != run_paper(None, change, limit=0).outcome.run


@pytest.mark.parametrize("change", ["repeats=5", "policy=preparedness", "retries=0", "ray.address=host:1"])
def test_what_leaves_them_comparable_stays_in_the_same_run(run_paper: Any, change: str) -> None:
    assert run_paper(limit=0).outcome.run == run_paper(None, change, limit=0).outcome.run


def test_another_format_is_refused(run_paper: Any) -> None:
    directory = run_paper(limit=0).view.directory
    path = directory / "experiment.yaml"
    path.write_text(path.read_text().replace("format: 1", "format: 2"))
    with pytest.raises(Mistake, match="format: format 2 is not known; this version reads format 1"):
        rundir.read_experiment(directory)


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("secret: ", "secrets: ", "secret: is missing; restore the file"),
        ("config:", "config: []\nrest:", "config: is not of type dict; restore the file"),
        ("created: ", "created: since ", "created: is not of type int; restore the file"),
    ],
)
def test_a_run_that_does_not_say_what_it_is_names_the_key(
    run_paper: Any, before: str, after: str, line: str
) -> None:
    directory = run_paper(limit=0).view.directory
    path = directory / "experiment.yaml"
    path.write_text(path.read_text().replace(f"\n{before}", f"\n{after}", 1))
    with pytest.raises(Mistake) as caught:
        rundir.read_experiment(directory)
    assert str(caught.value) == f"{path}: {line}"


@pytest.mark.parametrize(
    "name",
    ["experiment.yaml", "plan.jsonl", "ledger.jsonl", "anchors.jsonl", "selftest.json", "calibration.json"],
)
@pytest.mark.parametrize("put", [os.mkfifo, os.mkdir])
def test_a_pipe_or_a_directory_in_the_place_of_a_file_keeps_no_reader_waiting(
    run_paper: Any, name: str, put: Callable[[Path], None]
) -> None:
    directory = run_paper(limit=0).view.directory
    whole = directory.with_name("whole")
    shutil.copytree(directory, whole)
    (directory / name).unlink(missing_ok=True)
    put(directory / name)
    with pytest.raises(Mistake, match=name):
        load_view(directory, check=False)
    shutil.rmtree(directory)
    whole.rename(directory)


def test_a_run_is_found_by_name_and_by_path_and_otherwise_the_choices_are_listed(run_paper: Any) -> None:
    directory = run_paper(limit=0).view.directory
    assert rundir.find_run(directory.parent, directory.name) == directory
    assert rundir.find_run(Path("elsewhere"), str(directory)) == directory
    with pytest.raises(Mistake, match=f"no run 'nope'; there are: {directory.name}"):
        rundir.find_run(directory.parent, "nope")


def test_the_view_holds_checkpoints_results_and_what_is_still_to_run(run_paper: Any) -> None:
    view = load_view(run_paper(limit=3).view.directory)
    assert [str(checkpoint) for checkpoint in view.checkpoints] == ["script/early", "script/late"]
    assert (len(view.lines), len(view.pending), view.lost, view.chain_ok) == (3, 1, [], True)
    assert view.provider_by_family == {"script": "scripted"}


def test_runs_of_a_suite_come_newest_first_and_an_unknown_suite_lists_those_there(run_paper: Any) -> None:
    runs = run_paper(limit=0).view.directory.parent
    run_paper(None, "seed=9", limit=0)
    assert len(load_suite(runs, "paper")) == 2
    with pytest.raises(Mistake, match="no run of suite 'quick'; suites here: paper"):
        load_suite(runs, "quick")
