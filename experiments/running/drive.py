"""The run loop: submits what is missing, bounded, and acknowledges nothing that is not durable."""

import asyncio
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from experiments.attempts.executors import AttemptAbandoned, Executor
from experiments.attempts.patience import PAUSE, WATCH, Patience
from experiments.planning.plan import Plan, Planned
from experiments.record import durable, rundir
from experiments.record.ledger import LEDGER, PLAN, Ledger, read_records
from experiments.record.records import EpisodeSpec, LedgerLine, PlanLine
from experiments.running.progress import Progress
from sandbox.errors import EngineFault, Mistake, StorageFault
from sandbox.events import BrokenLine
from sandbox.ground import ENVIRONMENT


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the episodes that a config asks for."""

    run: str
    #: Results by status.
    episodes: dict[str, int]
    #: Given up in this invocation: every attempt ended in a host fault. The next run tries again.
    lost: int
    #: Results without a score.
    ungraded: int
    #: Asked for and not run, because of ``--limit``.
    pending: int
    #: Of the episodes submitted, all have a result with a score.
    complete: bool


class Driver:
    """Drives one plan to its end over an executor."""

    def __init__(
        self,
        plan: Plan,
        directory: Path,
        ledger: Ledger,
        *,
        executor: Executor,
        progress: Progress,
        owner: str,
    ) -> None:
        """
        Args:
            plan: what the config asks for; its lines are in the ledger's plan already.
            directory: the run directory, locked by this process.
            ledger: of that directory.
            executor: runs attempts.
            progress: told of every start and end.
            owner: label of the run's containers.
        """
        self._plan, self._directory, self._ledger = plan, directory, ledger
        self._executor, self._progress, self._owner = executor, progress, owner
        self._patience = Patience(progress.say)
        #: One line waits for a disk that is full or away, the others for it.
        self._booking = asyncio.Lock()
        self._numbers: dict[str, int] = {}
        for line in ledger.ended:
            self._numbers[line.episode] = max(line.attempt, self._numbers.get(line.episode, -1))

    async def run(self, missing: Sequence[Planned]) -> None:
        """Runs the ``missing`` episodes, in order, as many at a time as the executor has slots.

        Each gets 1 + ``retries`` attempts. Cancelling ends what is running and leaves the rest
        for the next run; a line that the ledger was given is then still being written (``Ledger.settle``).

        Raises:
            Mistake: an attempt found something wrong in what was asked, or what the host lacks did not
                come back.
        """
        waiting = iter(missing)
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(self._watch())
                slots = range(min(self._executor.slots, len(missing)))
                await asyncio.wait([group.create_task(self._work(waiting)) for _ in slots])
                watching.cancel()
                if self._patience.waits:  # what came back just before the last episode ended is said too
                    self._patience.engines(await self._executor.lacking())
        except BaseExceptionGroup as several:
            # The first cause; the others are cancelled siblings or the same fault again.
            raise several.exceptions[0] from None

    async def _work(self, waiting: Iterator[Planned]) -> None:
        for planned in waiting:
            await self._episode(planned)

    async def _episode(self, planned: Planned) -> None:
        for _ in range(1 + self._plan.config.retries):
            line = await self._attempt(planned)
            if line is not None and line.final:
                return
            if line is not None and str(line.cause).startswith(f"{ENVIRONMENT}: "):
                break  # what could not be built will not be, before the next run looks again
        self._progress.say(f"lost: {_name(planned)}; the next run tries again")

    async def _attempt(self, planned: Planned) -> LedgerLine | None:
        """One attempt, durable in the ledger; None if its runner died and left no line."""
        await self._patience.room(self._directory)
        number = self._next_number(planned.line.episode)
        spec = self._plan.spec(planned, attempt=number, directory=self._directory, owner=self._owner)
        line: LedgerLine | None = None
        self._progress.started(_name(planned))
        try:
            line = await self._run(spec)
            if (line.episode, line.attempt) != (planned.line.episode, number):
                raise AttemptAbandoned(
                    f"the runner answered for attempt {line.attempt} of {line.episode[:12]}"
                )
            await self._book(line)
        except Mistake:
            raise
        except Exception as fault:
            # One episode that breaks its runner must not end all others; its cause is kept beside it.
            line = None
            self._keep_fault(planned.line.episode, number, fault)
            self._progress.say(
                f"abandoned: attempt {number} of {_name(planned)}: {type(fault).__name__}: {fault}"
            )
        finally:
            task = asyncio.current_task()
            self._progress.ended(_name(planned), line, stopped=task is not None and task.cancelling() > 0)
        if line is not None and not line.final:
            self._progress.say(f"host fault in attempt {number} of {_name(planned)}: {line.cause}")
        return line

    async def _run(self, spec: EpisodeSpec) -> LedgerLine:
        """Runs an attempt once boxes can be had: an engine that is away costs no attempt."""
        while True:
            try:
                return await self._executor.run(spec)
            except EngineFault:
                # Why, and for how long, `_watch` says.
                await asyncio.sleep(PAUSE)

    async def _watch(self) -> None:
        """Says which hosts give no boxes, also to attempts that are under way; ends the run if none does for long."""
        while True:
            await asyncio.sleep(WATCH)
            self._patience.engines(await self._executor.lacking())

    async def _book(self, line: LedgerLine) -> None:
        """Returns once the ledger has the line, however long the disk takes for it or is full."""
        async with self._booking:
            while True:
                try:
                    return await asyncio.shield(asyncio.wrap_future(self._ledger.begin(line)))
                except StorageFault as fault:
                    await self._patience.storage(self._directory, fault)

    def _keep_fault(self, episode: str, number: int, fault: Exception) -> None:
        directory = rundir.attempt_dir(self._directory, episode, number)
        text = "".join(traceback.format_exception(fault))
        # A full disk, which may be the very cause, must not end the run: it is said all the same.
        with suppress(OSError, StorageFault):
            directory.mkdir(parents=True, exist_ok=True)
            durable.replace(directory / rundir.FAULT, text.encode("utf-8", "replace"))

    def _next_number(self, episode: str) -> int:
        """One more than any attempt that ended, left a directory, or was submitted here."""
        there = rundir.attempts(self._directory, episode)
        number = 1 + max(self._numbers.get(episode, -1), there[-1] if there else -1)
        self._numbers[episode] = number
        return number


def missing(plan: Plan, ledger: Ledger) -> list[Planned]:
    """The episodes of ``plan`` that have no result yet, in running order."""
    done = {line.episode for line in ledger.ended if line.final}
    return [planned for planned in plan.episodes if planned.line.episode not in done]


def unfinished(plan: Plan, directory: Path) -> list[Planned]:
    """What is ``missing``, by the ledger of a run that is not open and may not be there yet.

    Raises:
        Mistake: the ledger cannot be read.
    """
    _, done = so_far(directory)
    return [planned for planned in plan.episodes if planned.line.episode not in done]


def so_far(directory: Path) -> tuple[list[PlanLine], set[str]]:
    """The stored plan, and the episodes that have a result, of a run that may not be there yet.

    Raises:
        Mistake: one of the two cannot be read.
    """
    try:
        lines = read_records(directory / LEDGER, LedgerLine)
        return read_records(directory / PLAN, PlanLine), {line.episode for line in lines if line.final}
    except BrokenLine as broken:
        remedy = "`tidegauge verify RUN` names every edit"
        raise Mistake(broken.reason, where=f"{broken.file}:{broken.line}", remedy=remedy) from broken


def outcome(plan: Plan, ledger: Ledger, submitted: Sequence[Planned]) -> Outcome:
    """What became of everything that ``plan`` asks for, after ``submitted`` was run."""
    asked = {planned.line.episode for planned in plan.episodes}
    tried = {planned.line.episode for planned in submitted}
    results = {line.episode: line for line in ledger.ended if line.final and line.episode in asked}
    statuses = Counter(line.status for line in results.values())
    without = asked - results.keys()
    ungraded = sum(ended.ungraded for ended in results.values())
    lost = len(without & tried)
    return Outcome(
        plan.run,
        dict(sorted(statuses.items())),
        lost,
        ungraded,
        len(without - tried),
        not lost and not ungraded,
    )


def _name(planned: Planned) -> str:
    line = planned.line
    return f"{line.checkpoint} {line.task}@{line.level} {line.arm} world {line.world}"
