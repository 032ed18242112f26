"""What a run's host lacks for a while, boxes or room on the disk, the run waits for, says so, and then finishes."""

import asyncio
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.attempts.patience import Patience
from experiments.reading.verify import verify
from experiments.record import durable
from experiments.record.identity import Secret
from experiments.record.records import EpisodeSpec, LedgerLine
from sandbox.errors import EngineFault, Mistake, StorageFault
from sandbox.event_log import EventLog
from sandbox.events import read_events


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 70 MiB, where a run needs 64 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a small disk")
    place = tmp_path / "runs"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=70m", "small", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """A file that leaves no byte on ``disk``."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return filler


def test_an_engine_that_gives_no_boxes_costs_no_attempt_and_is_told_of_twice(
    run_paper: Any, paper: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    class Away(paper):  # type: ignore[misc]
        refusals = 0

        async def run(self, spec: EpisodeSpec) -> LedgerLine:
            self.refusals += 1
            self.without = "Connection refused" if self.refusals < 8 else None
            if self.without is not None:
                raise EngineFault(self.without)
            await asyncio.sleep(2.5)
            return await super().run(spec)

    executor = Away()
    result = run_paper(executor)
    assert result.outcome.episodes == {"completed": 4}
    assert {spec.attempt for spec in executor.seen} == {0}
    said = re.sub(r"\d+ s;", "N s;", capsys.readouterr().err)
    told = [line for line in said.splitlines() if ("paper" in line and "waiting" in line) or "back" in line]
    assert told == [
        "waiting up to 300 s for the paper: Connection refused; `tidegauge doctor` says more",
        "the paper is back after N s; the run goes on",
    ]


def test_what_does_not_come_back_ends_the_run_with_one_line_and_only_where_no_host_is_left() -> None:
    patience = Patience(lambda line: None, seconds=0.0)
    patience.engines({"engine of a": "Connection refused", "engine of b": None})
    time.sleep(0.01)
    patience.engines({"engine of a": "Connection refused", "engine of b": None})
    with pytest.raises(Mistake) as caught:
        for _ in range(2):
            patience.engines({"engine of a": "Connection refused", "engine of b": "no answer in time"})
            time.sleep(0.01)
    assert str(caught.value) == (
        "engine of b: waited 0 s for it: no answer in time; "
        "`tidegauge doctor` says more; then the same command resumes"
    )


def test_a_full_disk_is_waited_for_and_every_result_is_kept_once(
    run_paper: Any, paper: Any, small_disk: Path, secret: Secret, capsys: pytest.CaptureFixture[str]
) -> None:
    class Filling(paper):  # type: ignore[misc]
        async def run(self, spec: EpisodeSpec) -> LedgerLine:
            first = not self.seen
            line = await super().run(spec)
            if first:
                threading.Timer(2.5, fill(small_disk).unlink).start()
            return line

    result = run_paper(Filling(slots=1))
    assert result.outcome.episodes == {"completed": 4}
    assert verify(result.view.directory, secret).problems == ()
    told = [line for line in capsys.readouterr().err.splitlines() if "disk of" in line]
    place = result.view.directory
    assert len(told) == 2
    # Found by what is free, or by the first line that finds no block: as the files lie on the disk.
    lack = r"(0 MiB are free, a run needs 64 MiB|\S+: No space left on device); free some room.*"
    assert re.fullmatch(rf"waiting up to 300 s for the disk of {place}: {lack}", told[0])
    assert re.fullmatch(rf"the disk of {place} is back after \d+ s; the run goes on", told[1])


def test_a_line_that_a_full_disk_refused_leaves_the_file_as_it_was(small_disk: Path) -> None:
    file = small_disk / "lines"
    durable.append(file, b"first\n")
    filler = fill(small_disk)
    with pytest.raises(StorageFault, match="No space left on device"):
        durable.append(file, b"x" * 8192)
    assert file.read_bytes() == b"first\n"
    filler.unlink()
    durable.append(file, b"second\n")
    assert file.read_bytes() == b"first\nsecond\n"


def test_a_log_that_lost_an_event_to_a_full_disk_takes_no_other(small_disk: Path) -> None:
    """The refused line may still lie in a buffer: another in its place would break the chain."""
    log = EventLog(small_disk / "events.jsonl")
    log.append("harness", "stop", {"code": "a", "seq": 0})
    filler = fill(small_disk)
    with pytest.raises(StorageFault):
        for number in range(200):
            log.append("harness", "stop", {"code": "b" * 100, "seq": number})
    filler.unlink()
    with pytest.raises(StorageFault, match="No space left on device"):
        log.append("harness", "stop", {"code": "c", "seq": 0})
    log.close()
    codes = {event.data["code"] for event in read_events(small_disk / "events.jsonl", torn_end=True)}
    assert codes == {"a", "b" * 100}
