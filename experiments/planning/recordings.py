"""What a replay plays: the recorded episodes of one checkpoint of an earlier run."""

from pathlib import Path

from experiments.record.durable import BLOBS
from experiments.record.ledger import LEDGER, PLAN, read_records
from experiments.record.records import LedgerLine, PlanLine
from experiments.record.rundir import attempt_dir, read_experiment
from sandbox.canonical import digest
from sandbox.errors import Mistake
from sandbox.events import BrokenLine
from sandbox.models.replay import read_recording


class RecordedCheckpoint:
    """One checkpoint of a recorded run.

    Args:
        run: the run directory; it is only read.
        name: the checkpoint, as family/name.
        where: the config's file, for messages.
        key: dotted key of the replaying checkpoint, for messages.

    Raises:
        Mistake: it is no run, or has no such checkpoint.
    """

    def __init__(self, run: Path, name: str, *, where: str, key: str) -> None:
        self._run, self._name, self._where, self._key = run, name, where, key
        experiment = read_experiment(run)
        try:
            plan = read_records(run / PLAN, PlanLine)
            lines = read_records(run / LEDGER, LedgerLine)
        except BrokenLine as broken:
            remedy = "`tidegauge verify RUN` names every edit"
            raise Mistake(broken.reason, where=f"{broken.file}:{broken.line}", remedy=remedy) from broken
        mine = [line for line in plan if str(line.checkpoint) == name]
        if not mine:
            there = ", ".join(sorted({str(line.checkpoint) for line in plan}))
            problem = f"{run.name} has no checkpoint {name!r}"
            raise Mistake(problem, where=where, key=f"{key}.recorded", remedy=f"it has: {there}")
        self._planned = {(line.task, line.level, line.arm, line.world): line for line in mine}
        self._attempts = {line.episode: line.attempt for line in lines if line.final}
        #: Which recording it is: an episode has one result, which nothing changes afterwards.
        self.digest = digest(["replay", experiment.id, name, mine[0].checkpoint_digest])

    def of(self, episode: PlanLine) -> dict[str, str]:
        """Where the same episode was recorded: ``recording``, its log, and ``blobs``.

        Raises:
            Mistake: it was not recorded, was in another world, or its log cannot be replayed.
        """
        recorded = self._planned.get((episode.task, episode.level, episode.arm, episode.world))
        attempt = None if recorded is None else self._attempts.get(recorded.episode)
        what = f"{self._name} at {episode.task}@{episode.level} {episode.arm} world {episode.world}"
        place = {"where": self._where, "key": f"{self._key}.run"}
        if recorded is None or attempt is None:
            remedy = "replay what the run has results for"
            raise Mistake(f"{self._run.name} has no result of {what}", **place, remedy=remedy)
        if (recorded.world_digest, recorded.version) != (episode.world_digest, episode.version):
            remedy = "replay with the run's own seed, secret and task versions"
            raise Mistake(f"{self._run.name} recorded {what} as another world", **place, remedy=remedy)
        log = attempt_dir(self._run, recorded.episode, attempt) / "events.jsonl"
        read_recording(log, self._run / BLOBS)
        return {"recording": str(log), "blobs": str(self._run / BLOBS)}
