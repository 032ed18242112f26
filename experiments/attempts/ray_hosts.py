"""The container hosts of a Ray cluster: found by their resource, each given a runner, each probed."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiments.attempts.ray_connect import NAMESPACE, RESOURCE
from experiments.attempts.ray_runner import EpisodeRunner
from sandbox.canonical import sha256
from sandbox.errors import Mistake, TidegaugeError

if TYPE_CHECKING:
    from ray.actor import ActorHandle

_READY_SECONDS: Final = 120
#: Seconds in which a runner whose process died must be back, and between two looks at it.
_REVIVAL_SECONDS: Final = 120
_PAUSE: Final = 1.0


@dataclass(slots=True)
class Host:
    """A container host and the runner on it."""

    name: str
    #: Ray's id of the node; empty where there is no telling.
    node: str
    runner: "ActorHandle[Any]"
    #: Episodes at a time.
    slots: int
    #: Slots that are not given out until the runner answers again.
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class Needs:
    """What every host must have for a run."""

    image: str
    runtime: str
    #: Owner label of the run's containers.
    owner: str
    #: A file of the run directory.
    witness: Path
    #: Variables that hold the models' keys.
    keys: tuple[str, ...] = ()
    #: Files that episodes read.
    files: tuple[str, ...] = ()


async def result(reference: Any) -> Any:
    """What a remote call gives; our own errors as they were raised, without the remote traceback."""
    from ray.exceptions import RayTaskError

    try:
        return await reference
    except RayTaskError as error:
        if isinstance(error.cause, TidegaugeError):
            raise error.cause from None
        raise


async def find_hosts(needs: Needs, say: Callable[[str], None]) -> list[Host]:
    """A probed runner on each node that offers the resource ``sandbox``.

    A node that dies meanwhile is told to ``say`` and left out.

    Raises:
        Mistake: no node offers it, or a node lacks something; names both.
    """
    import ray

    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get(RESOURCE, 0) >= 1]
    shared = Counter(_name(node) for node in nodes)
    hosts = [_place(node, needs, alone=shared[_name(node)] == 1) for node in nodes]
    probes = await asyncio.gather(*(_probe(host, needs) for host in hosts), return_exceptions=True)
    ready = []
    for host, failure in zip(hosts, probes, strict=True):
        if failure is None:
            ready.append(host)
        elif await is_alive(host):
            raise failure
        else:
            say(f"host {host.name} is gone")
    if not ready:
        remedy = f"start its nodes with --resources '{{\"{RESOURCE}\": 8}}'"
        raise Mistake(
            f"no node offers the resource {RESOURCE!r}", where="Ray", key="ray.address", remedy=remedy
        )
    return ready


def _name(node: dict[str, Any]) -> str:
    """The name that its node was started with; the machine's, where it was given none."""
    given = node["NodeName"] != node["NodeManagerAddress"]
    return str(node["NodeName"] if given else node["NodeManagerHostname"])


def _place(node: dict[str, Any], needs: Needs, *, alone: bool) -> Host:
    """A runner on ``node``; nodes that are not ``alone`` with their name are told apart by Ray's id."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    slots = int(node["Resources"][RESOURCE])
    name = _name(node) if alone else f"{_name(node)}-{node['NodeID'][:8]}"
    options = {
        "name": f"{name}-{secrets.token_hex(4)}",
        "namespace": NAMESPACE,
        "num_cpus": 0,
        # All of a host's resource: two drivers do not share a container host unknowingly.
        "resources": {RESOURCE: slots},
        "max_concurrency": slots + 1,
        "max_restarts": 100,
        # Episodes are not idempotent: retries belong to the ledger.
        "max_task_retries": 0,
        "scheduling_strategy": NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
    }
    actor = ray.remote(EpisodeRunner).options(**options)
    runner = actor.remote(needs.image, needs.runtime, needs.owner, slots)
    return Host(name, node["NodeID"], runner, slots)


async def _probe(host: Host, needs: Needs) -> None:
    from ray.exceptions import RayError

    witness = needs.witness.resolve()
    probe = host.runner.prepare.remote(str(witness), sha256(witness.read_bytes()), needs.keys, needs.files)
    try:
        lacks = await asyncio.wait_for(result(probe), _READY_SECONDS)
    except TimeoutError as error:
        problem = f"its resource {RESOURCE!r} did not become free in {_READY_SECONDS} s"
        raise Mistake(problem, where=f"node {host.name}", remedy="wait for the run that holds it") from error
    except Mistake as mistake:
        raise Mistake(str(mistake), where=f"node {host.name}") from mistake
    except RayError as error:
        last = str(error).strip().rsplit("\n", 1)[-1]
        remedy = "install this version of tidegauge in its Python"
        raise Mistake(f"cannot run it: {last}", where=f"node {host.name}", remedy=remedy) from error
    if lacks is not None:
        raise Mistake(lacks, where=f"node {host.name}")


async def is_alive(host: Host) -> bool:
    """Whether Ray still counts the host's node among its own."""
    import ray

    nodes = await asyncio.to_thread(ray.nodes)
    return not host.node or any(node["NodeID"] == host.node and node["Alive"] for node in nodes)


async def answers_again(host: Host) -> bool:
    """Whether the runner, which Ray starts again, comes back; False as soon as its node is gone."""
    from ray.exceptions import RayError

    until = asyncio.get_running_loop().time() + _REVIVAL_SECONDS
    while asyncio.get_running_loop().time() < until:
        await asyncio.sleep(_PAUSE)
        try:
            await asyncio.wait_for(result(host.runner.answer.remote()), _REVIVAL_SECONDS)
            return True
        except (RayError, TimeoutError):
            if not await is_alive(host):
                return False
    return False
