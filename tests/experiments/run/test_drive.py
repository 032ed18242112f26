"""A run ends with exactly one result for every episode, whatever dies on the way."""

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from experiments.attempts.executors import AttemptAbandoned
from experiments.reading.verify import verify
from experiments.record import durable
from experiments.record.ledger import read_records
from experiments.record.records import EpisodeSpec, LedgerLine
from experiments.record.rescan import read_findings, rescan
from sandbox.errors import Mistake, StorageFault


def lines_of(result: Any) -> list[LedgerLine]:
    return read_records(result.view.directory / "ledger.jsonl", LedgerLine)


def test_every_episode_gets_one_result_and_a_second_run_has_nothing_to_do(run_paper: Any, paper: Any) -> None:
    first = run_paper()
    assert first.outcome.episodes == {"completed": 4}
    assert first.outcome.complete
    again = paper()
    second = run_paper(again)
    assert (second.outcome, again.seen) == (first.outcome, [])


def test_all_checkpoints_of_a_world_come_before_the_next_world(run_paper: Any, paper: Any) -> None:
    executor = paper(slots=1)
    run_paper(executor)
    order = [(spec.plan.world, spec.plan.checkpoint.name) for spec in executor.seen]
    assert order == [(0, "early"), (0, "late"), (1, "early"), (1, "late")]


def test_no_more_run_at_a_time_than_there_are_slots(run_paper: Any, paper: Any) -> None:
    class Slow(paper):  # type: ignore[misc]
        async def run(self, spec: EpisodeSpec) -> LedgerLine:
            await asyncio.sleep(0.01)
            return await super().run(spec)

    executor = Slow(slots=2)
    run_paper(executor, "repeats=6")
    assert executor.most_at_a_time <= 2
    assert len(executor.seen) == 12


def test_limit_leaves_the_rest_pending_and_the_next_run_takes_it_up(run_paper: Any) -> None:
    said: list[str] = []
    first = run_paper(limit=3, said=said)
    assert said[0] == f"run {first.outcome.run}: 4 episodes, 3 of 4 to run"
    assert (first.outcome.episodes, first.outcome.pending, first.outcome.complete) == (
        {"completed": 3},
        1,
        True,
    )
    second = run_paper(said=said)
    assert f"run {first.outcome.run}: 4 episodes, 1 to run" in said
    assert (second.outcome.episodes, second.outcome.pending) == ({"completed": 4}, 0)


def test_more_repeats_extend_the_same_run(run_paper: Any) -> None:
    first, second = run_paper(), run_paper(None, "repeats=3")
    assert second.outcome.run == first.outcome.run
    assert second.outcome.episodes == {"completed": 6}
    assert len(lines_of(second)) == 6


def test_a_host_fault_is_retried_and_both_attempts_are_in_the_ledger(run_paper: Any, paper: Any) -> None:
    executor = paper(lambda spec: "infrastructure" if spec.attempt == 0 else "completed")
    result = run_paper(executor)
    assert result.outcome.episodes == {"completed": 4}
    assert Counter((line.attempt, line.status) for line in lines_of(result)) == {
        (0, "infrastructure"): 4, (1, "completed"): 4,
    }  # fmt: skip


def test_an_episode_is_lost_after_its_retries_and_the_next_run_gives_it_new_ones(
    run_paper: Any, paper: Any
) -> None:
    always = paper(lambda spec: "infrastructure" if spec.plan.world == 1 else "completed")
    first = run_paper(always)
    assert (first.outcome.episodes, first.outcome.lost, first.outcome.complete) == (
        {"completed": 2},
        2,
        False,
    )
    assert len(first.view.lost) == 2
    healed = paper()
    second = run_paper(healed)
    assert [spec.attempt for spec in healed.seen] == [3, 3]
    assert (second.outcome.lost, second.outcome.complete, second.view.lost) == (0, True, [])


@pytest.mark.parametrize(
    "death", [AttemptAbandoned("actor died"), RuntimeError("a defect"), OSError("gone"), StorageFault("full")]
)
def test_an_attempt_whose_runner_dies_is_abandoned_and_submitted_again(
    run_paper: Any, paper: Any, death: Exception
) -> None:
    executor = paper(lambda spec: death if spec.attempt == 0 and spec.plan.world == 0 else "completed")
    result = run_paper(executor)
    assert result.outcome.episodes == {"completed": 4}
    assert sorted((line.world, line.attempt) for line in lines_of(result)) == [(0, 1), (0, 1), (1, 0), (1, 0)]
    kept = sorted(result.view.directory.glob("episodes/*/0/fault.log"))
    assert len(kept) == 2
    assert str(death) in kept[0].read_text()


def test_a_runner_that_always_dies_loses_the_episode_instead_of_looping(run_paper: Any, paper: Any) -> None:
    executor = paper(lambda spec: AttemptAbandoned("again"))
    result = run_paper(executor)
    assert (result.outcome.lost, len(executor.seen)) == (4, 12)


def test_an_answer_for_another_episode_is_never_booked(run_paper: Any, paper: Any) -> None:
    class Confused(paper):  # type: ignore[misc]
        async def run(self, spec: EpisodeSpec) -> LedgerLine:
            line = await super().run(spec)
            return line.model_copy(update={"episode": "0" * 64})

    result = run_paper(Confused())
    assert (result.outcome.episodes, result.outcome.lost, lines_of(result)) == ({}, 4, [])


@pytest.mark.parametrize("fault", [Mistake("no sensor"), KeyboardInterrupt()])
def test_what_concerns_the_whole_run_ends_it_and_the_next_run_resumes(
    run_paper: Any, paper: Any, fault: BaseException
) -> None:
    executor = paper(lambda spec: fault if spec.plan.world == 1 else "completed", slots=1)
    with pytest.raises(type(fault)):
        run_paper(executor)
    result = run_paper()
    assert result.outcome.episodes == {"completed": 4}
    assert max(Counter(line.episode for line in lines_of(result)).values()) == 1


def test_cancelling_ends_what_runs_and_keeps_what_had_ended(
    run_paper: Any, paper: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    begun: list[str] = []
    ended: list[str] = []

    class Hanging(paper):  # type: ignore[misc]
        async def run(self, spec: EpisodeSpec) -> LedgerLine:
            if spec.plan.world == 0:
                return await super().run(spec)
            begun.append(spec.plan.episode)
            try:
                if len(begun) == 2:
                    task = next(t for t in asyncio.all_tasks() if "_drive" in repr(t.get_coro()))
                    asyncio.get_running_loop().call_later(0.01, task.cancel)
                await asyncio.sleep(60)
            finally:
                ended.append(spec.plan.episode)
            raise AssertionError("never")

    with pytest.raises(KeyboardInterrupt):
        run_paper(Hanging(slots=2))
    assert len(ended) == 2
    said = capsys.readouterr().err
    assert "stopping: boxes are removed, what had ended is kept\n" in said
    # What was stopped did not fail.
    assert "2/4 done · 0 running · 0 failed" in said
    assert run_paper().outcome.episodes == {"completed": 4}


def test_other_episodes_go_on_while_the_disk_takes_a_line(
    run_paper: Any, paper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, went_on = threading.Event(), list[bool]()
    append = durable.append

    def slow(path: Path, data: bytes) -> None:
        if path.name == "ledger.jsonl" and not went_on:
            went_on.append(taken.wait(20))
        append(path, data)

    class Going(paper):  # type: ignore[misc]
        async def run(self, spec: EpisodeSpec) -> LedgerLine:
            line = await super().run(spec)
            if len(self.seen) == 2:
                await asyncio.sleep(0.1)
                taken.set()
            return line

    monkeypatch.setattr(durable, "append", slow)
    result = run_paper(Going(slots=2))
    assert went_on == [True]
    assert result.outcome.episodes == {"completed": 4}
    assert verify(result.view.directory, None).problems == ()


def test_two_interrupts_while_the_disk_takes_a_line_leave_it_one_writer(
    run_paper: Any, paper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, release = threading.Event(), threading.Event()
    writing, at_a_time = list[Path](), list[int]()
    append = durable.append

    def slow(path: Path, data: bytes) -> None:
        if path.name == "ledger.jsonl":
            writing.append(path)
            at_a_time.append(len(writing))
            begun.set()
            release.wait(20)
            writing.pop()
        append(path, data)

    def interrupt_twice() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)
        release.set()

    class Interrupted(paper):  # type: ignore[misc]
        async def run(self, spec: EpisodeSpec) -> LedgerLine:
            line: LedgerLine = await super().run(spec)
            if len(self.seen) == 2:
                await asyncio.to_thread(begun.wait, 20)
                threading.Thread(target=interrupt_twice).start()
                await asyncio.sleep(60)
            return line

    monkeypatch.setattr(durable, "append", slow)
    with pytest.raises(KeyboardInterrupt):
        run_paper(Interrupted(slots=2))
    assert at_a_time == [1]
    result = run_paper()
    assert result.outcome.episodes == {"completed": 4}
    assert verify(result.view.directory, None).problems == ()


def test_an_attempt_that_a_dead_driver_left_is_rescanned_and_its_number_is_not_used_again(
    run_paper: Any, paper: Any
) -> None:
    class DiesAfterWriting(paper):  # type: ignore[misc]
        async def run(self, spec: EpisodeSpec) -> LedgerLine:
            await super().run(spec)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_paper(DiesAfterWriting(lambda spec: "completed", slots=1), "repeats=2", "seed=5")
    result = run_paper(None, "seed=5")
    abandoned = [line for line in lines_of(result) if line.attempt == 1]
    assert [(line.world, line.checkpoint.name) for line in abandoned] == [(0, "early")]
    assert read_findings(result.view.directory) == []


def test_findings_of_abandoned_attempts_stand_in_a_file_of_their_own(run_paper: Any, paper: Any) -> None:
    class DiesInWorldOne(paper):  # type: ignore[misc]
        async def run(self, spec: EpisodeSpec) -> LedgerLine:
            line = await super().run(spec)
            if (spec.plan.world, spec.attempt) == (1, 0):
                raise AttemptAbandoned("gone")
            return line

    result = run_paper(DiesInWorldOne())
    found = read_findings(result.view.directory)
    assert [(f["code"], f["attempt"], len(f["episodes"])) for f in found] == [("cheat.scorer", 0, 1)] * 2
    assert rescan(result.view.directory) == []
    assert verify(result.view.directory, None).problems == ()


@pytest.mark.parametrize("worthwhile", [0, 10**9], ids=["processes", "here"])
def test_rescan_names_a_ledger_line_whose_findings_are_not_in_the_log(
    run_paper: Any, monkeypatch: pytest.MonkeyPatch, worthwhile: int
) -> None:
    monkeypatch.setattr("experiments.record.rescan.WORTHWHILE", worthwhile)
    directory: Path = run_paper().view.directory
    ledger = directory / "ledger.jsonl"
    ledger.write_text(ledger.read_text().replace('"severity":2', '"severity":1', 1))
    problems = rescan(directory)
    assert {problem.file for problem in problems} == {"ledger.jsonl"}
    assert [p.reason.split(":")[0] for p in problems] == [
        "stored, but not found again",
        "found now, but not stored",
    ]


def test_a_checkpoint_that_changed_under_its_name_is_refused(run_paper: Any) -> None:
    run_paper()
    with pytest.raises(Mistake) as caught:
        run_paper(None, "models.0.sampling={temperature: 1}")
    assert "checkpoint script/early has another sampling than in this run's plan; give it a new name" in str(
        caught.value
    )


def test_a_run_without_mlflow_still_ends_with_its_verdict(run_paper: Any) -> None:
    said: list[str] = []
    result = run_paper(said=said)
    assert result.verdict.outcome == "inconclusive"
    assert any(line.startswith("MLflow was not brought up to date") for line in said)
    assert (result.view.directory / "report.html").is_file()
