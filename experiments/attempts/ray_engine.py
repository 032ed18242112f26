"""Attempts on Ray: one async actor for each container host.

Episodes wait far more than they compute, so an actor runs many at a time and asks for no processor.
They are not idempotent: Ray retries nothing, the ledger does.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, redirect_stdout, suppress
from typing import Any, Final

from experiments.attempts.executors import AttemptAbandoned
from experiments.attempts.ray_connect import check_answers, connect
from experiments.attempts.ray_hosts import Host, Needs, answers_again, find_hosts, result
from experiments.attempts.ray_selftest import on_hosts
from experiments.record.records import EpisodeSpec, LedgerLine
from sandbox.errors import Mistake

_CANCEL_SECONDS: Final = 20
_CLOSE_SECONDS: Final = 30

Say = Callable[[str], None]


class RayExecutor:
    """Runs attempts on the hosts that ``find_hosts`` gave."""

    def __init__(self, hosts: Sequence[Host], say: Say) -> None:
        self.slots = sum(host.slots for host in hosts)
        self._say = say
        self._hosts = list(hosts)
        self._reviving: set[asyncio.Task[None]] = set()
        #: None: there is no host any more.
        self._free: asyncio.Queue[Host | None] = asyncio.Queue()
        # Dealt out in turn, so that hosts fill evenly.
        for number in range(max(host.slots for host in hosts)):
            for host in hosts:
                if number < host.slots:
                    self._free.put_nowait(host)

    async def run(self, spec: EpisodeSpec) -> LedgerLine:
        """Runs one attempt on a host that is free.

        Raises:
            AttemptAbandoned: the runner died under it.
            EngineFault: that host gives no boxes; the attempt has not begun.
            Mistake: no host is left, or that one lacks the boxes' image.
        """
        from ray.exceptions import RayActorError

        host = await self._next()
        alive = True
        try:
            return await _attempt(host, spec)
        except RayActorError as error:
            alive = False
            raise AttemptAbandoned(f"the runner on {host.name} died: {type(error).__name__}") from error
        finally:
            if alive:
                self._free.put_nowait(host)
            else:
                self._withhold(host)

    async def lacking(self) -> dict[str, str | None]:
        """Why each host gives no boxes just now; a runner that died is told of elsewhere.

        Raises:
            Mistake: a host lacks the boxes' image.
        """
        from ray.exceptions import RayError

        found: dict[str, str | None] = {}
        for host in self._hosts:
            with suppress(RayError):
                found[f"container engine of {host.name}"] = await result(host.runner.lacking.remote())
        return found

    async def self_test(self) -> dict[str, Any]:
        """The containment self-test of all hosts; see ``ray_selftest.joined``.

        Raises:
            Mistake: a host gave none.
        """
        return await on_hosts(self._hosts, self._say)

    async def close(self) -> None:
        """Leaves no container behind on any host that still answers."""
        for task in self._reviving:
            task.cancel()
        closing = [asyncio.ensure_future(result(host.runner.close.remote())) for host in self._hosts]
        if closing:
            done, late = await asyncio.wait(closing, timeout=_CLOSE_SECONDS)
            for ended in (*done, *late):
                # A host that died or is late: its boxes end without their runner.
                ended.add_done_callback(_seen)

    async def _next(self) -> Host:
        """The next slot of a host whose runner is not known to have died."""
        while (host := await self._free.get()) is not None:
            if not host.withheld:
                return host
            self._withhold(host)
        self._free.put_nowait(None)
        remedy = "start a node; the same command resumes, and what had ended is kept"
        raise Mistake("no container host is left", where="Ray", remedy=remedy)

    def _withhold(self, host: Host) -> None:
        """Gives a slot out again only when its runner answers: a dead one would use up all retries."""
        host.withheld += 1
        if host.withheld == 1:
            task = asyncio.create_task(self._revive(host))
            self._reviving.add(task)
            task.add_done_callback(self._reviving.discard)

    async def _revive(self, host: Host) -> None:
        if await answers_again(host):
            slots, host.withheld = host.withheld, 0
            for _ in range(slots):
                self._free.put_nowait(host)
            return
        self._hosts.remove(host)
        self._say(f"host {host.name} is gone; hosts left: {len(self._hosts)}")
        if not self._hosts:
            self._free.put_nowait(None)


async def _attempt(host: Host, spec: EpisodeSpec) -> LedgerLine:
    import ray

    reference = host.runner.run.remote(spec)
    running = asyncio.ensure_future(result(reference))
    try:
        # Shielded: a cancelled wait alone would leave the attempt running on its host.
        line: LedgerLine = await asyncio.shield(running)
    except asyncio.CancelledError:
        ray.cancel(reference)
        await asyncio.wait({running}, timeout=_CANCEL_SECONDS)
        running.add_done_callback(_seen)
        raise
    return line


def _seen(ended: "asyncio.Future[Any]") -> None:
    """Takes note of how something ended that nobody waits for any more."""
    if not ended.cancelled():
        ended.exception()


@asynccontextmanager
async def ray_executor(
    address: str | None, slots: int, *, needs: Needs, say: Say
) -> AsyncIterator[RayExecutor]:
    """Ray with one runner for each node that offers the resource ``sandbox``.

    Args:
        address: None starts a local Ray; ``host:port`` or ``ray://…`` connects.
        slots: episodes at a time on a local Ray; nodes of a cluster say it themselves.
        needs: what every node must have.
        say: takes a line for the user.

    Raises:
        Mistake: no cluster answers, no node offers the resource, or a node lacks something.
    """
    # Episodes are not idempotent: retries belong to the ledger, none to Ray.
    os.environ.setdefault("RAY_task_oom_retries", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if address is not None:
        check_answers(address)
    say("Ray: starting (about 5 s)" if address is None else f"Ray: connecting to {address}")
    # Ray prints of nodes that died wherever it runs; standard output is for results alone.
    with redirect_stdout(sys.stderr):
        connect(address, slots, say)
        try:
            executor = RayExecutor(await find_hosts(needs, say), say)
            try:
                yield executor
            finally:
                await executor.close()
        finally:
            ray.shutdown()
