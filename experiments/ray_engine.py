"""Attempts on Ray: one async actor for each container host.

Episodes wait far more than they compute, so an actor runs many at a time and asks for no processor.
They are not idempotent: Ray retries nothing, the ledger does.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiments.executors import AttemptAbandoned, host_boxes, settle
from experiments.records import EpisodeSpec, LedgerLine
from sandbox.box import Boxes
from sandbox.errors import Mistake, TidegaugeError

if TYPE_CHECKING:
    from ray.actor import ActorHandle

#: The custom resource that a container host offers: how many episodes it takes at a time.
RESOURCE: Final = "sandbox"
_CONNECT_SECONDS: Final = 5
_READY_SECONDS: Final = 120
_CANCEL_SECONDS: Final = 20
_CLOSE_SECONDS: Final = 30

Say = Callable[[str], None]


class EpisodeRunner:
    """The actor on one container host: it runs as many attempts at a time as the host offers."""

    def __init__(self, image: str, runtime: str, owner: str) -> None:
        self._image, self._runtime, self._owner = image, runtime, owner
        self._boxes: Boxes | None = None
        self._opening = asyncio.Lock()

    async def run(self, spec: EpisodeSpec) -> LedgerLine:
        """Runs one attempt on this host."""
        from experiments.attempt import run_attempt

        return await run_attempt(spec, await self._open())

    async def prepare(self, witness: str) -> bool:
        """Opens the host's engine; says whether this host sees a file of the driver's."""
        await self._open()
        return await asyncio.to_thread(Path(witness).is_file)

    async def close(self) -> None:
        """Leaves no container of this run on this host."""
        await settle(self._owner)

    async def _open(self) -> Boxes:
        # Not in the constructor: Ray would report a mistake there as the actor's death.
        async with self._opening:
            if self._boxes is None:
                self._boxes = await asyncio.to_thread(host_boxes, self._image, self._runtime, self._owner)
            return self._boxes


class RayExecutor:
    """Runs attempts on Ray. Made by ``ray_executor``."""

    def __init__(self, runners: "list[tuple[ActorHandle[Any], int]]") -> None:
        self.slots = sum(slots for _, slots in runners)
        self._runners = [runner for runner, _ in runners]
        self._free: asyncio.Queue[ActorHandle[Any]] = asyncio.Queue()
        # Dealt out in turn, so that hosts fill evenly.
        for number in range(max(slots for _, slots in runners)):
            for runner, slots in runners:
                if number < slots:
                    self._free.put_nowait(runner)

    async def run(self, spec: EpisodeSpec) -> LedgerLine:
        """Runs one attempt on a host that is free."""
        import ray
        from ray.exceptions import RayActorError

        runner = await self._free.get()
        reference = runner.run.remote(spec)
        result = asyncio.ensure_future(_result(reference))
        try:
            # Shielded: a cancelled wait alone would leave the attempt running on its host.
            line: LedgerLine = await asyncio.shield(result)
        except asyncio.CancelledError:
            ray.cancel(reference)
            await asyncio.wait({result}, timeout=_CANCEL_SECONDS)
            result.add_done_callback(_seen)
            raise
        except RayActorError as error:
            raise AttemptAbandoned(f"the runner on a host died: {type(error).__name__}") from error
        finally:
            self._free.put_nowait(runner)
        return line

    async def close(self) -> None:
        """Leaves no container behind on any host that still answers."""
        closing = [asyncio.ensure_future(_result(runner.close.remote())) for runner in self._runners]
        done, late = await asyncio.wait(closing, timeout=_CLOSE_SECONDS)
        for result in (*done, *late):
            # A host that died or is late: its reaper takes away what is past its deadline.
            result.add_done_callback(_seen)


def _seen(result: "asyncio.Future[Any]") -> None:
    """Takes note of how something ended that nobody waits for any more."""
    if not result.cancelled():
        result.exception()


async def _result(reference: Any) -> Any:
    """What a remote call gives; our own errors as they were raised, without the remote traceback."""
    from ray.exceptions import RayTaskError

    try:
        return await reference
    except RayTaskError as error:
        if isinstance(error.cause, TidegaugeError):
            raise error.cause from None
        raise


@asynccontextmanager
async def ray_executor(
    address: str | None, slots: int, *, runner: tuple[str, str, str], witness: Path, say: Say
) -> AsyncIterator[RayExecutor]:
    """Ray with one runner for each node that offers the resource ``sandbox``.

    Args:
        address: None starts a local Ray; ``host:port`` or ``ray://…`` connects.
        slots: episodes at a time on a local Ray; nodes of a cluster say it themselves.
        runner: image, runtime and owner, as ``host_boxes`` takes them.
        witness: a file of the run directory that every node must see.
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
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    local: dict[str, Any] = {"address": "local", "include_dashboard": False, "resources": {RESOURCE: slots}}
    try:
        ray.init(**quiet, **(local if address is None else {"address": address}))
    except (ConnectionError, RuntimeError, ValueError) as error:
        first = str(error).strip().split("\n", 1)[0]
        raise Mistake(first, where="Ray", key="ray.address", remedy="`ray status` says more") from error
    try:
        executor = RayExecutor(await _runners(runner, witness))
        try:
            yield executor
        finally:
            await executor.close()
    finally:
        ray.shutdown()


def check_answers(address: str) -> None:
    """Asks whether anything listens: Ray itself would wait for minutes where nothing does.

    Raises:
        Mistake: nothing does, or it is no address.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        remedy = "write host:port or ray://host:port"
        raise Mistake(f"{address!r} is no address", where="Ray", key="ray.address", remedy=remedy)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        remedy = "start one with `ray start --head`, or write null"
        problem = f"no cluster answers at {address} ({error.strerror or error})"
        raise Mistake(problem, where="Ray", key="ray.address", remedy=remedy) from error


async def _runners(settings: tuple[str, str, str], witness: Path) -> "list[tuple[ActorHandle[Any], int]]":
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    hosts = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get(RESOURCE, 0) >= 1]
    if not hosts:
        remedy = f"start its nodes with --resources '{{\"{RESOURCE}\": 8}}'"
        raise Mistake(
            f"no node offers the resource {RESOURCE!r}", where="Ray", key="ray.address", remedy=remedy
        )
    runners: list[tuple[ActorHandle[Any], int]] = []
    for node in hosts:
        slots = int(node["Resources"][RESOURCE])
        runner = (
            ray.remote(EpisodeRunner)
            .options(
                num_cpus=0,
                # All of a host's resource: two drivers do not share a container host unknowingly.
                resources={RESOURCE: slots},
                max_concurrency=slots + 1,
                max_restarts=100,
                max_task_retries=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
            )
            .remote(*settings)
        )
        await _probe(runner, node["NodeManagerHostname"], witness)
        runners.append((runner, slots))
    return runners


async def _probe(runner: "ActorHandle[Any]", host: str, witness: Path) -> None:
    try:
        seen = await asyncio.wait_for(_result(runner.prepare.remote(str(witness.resolve()))), _READY_SECONDS)
    except TimeoutError as error:
        problem = f"the resource {RESOURCE!r} of {host} did not become free in {_READY_SECONDS} s"
        raise Mistake(problem, where="Ray", remedy="wait for the run that holds it") from error
    if not seen:
        problem = f"node {host} does not see the run directory {witness.parent}"
        raise Mistake(problem, where="Ray", remedy="put --runs on a file system that all nodes share")
