"""The containment self-test as runs use it: taken once on a machine, kept, asked before boxes are trusted."""

import asyncio
import contextlib
import json
import os
import platform
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from experiments.planning.config import Config
from experiments.record import durable
from experiments.record.anchors import Anchors
from experiments.record.locking import in_turn
from sandbox.assets import image_dir
from sandbox.canonical import canonical, digest, sha256
from sandbox.errors import BoxFault, EngineFault, Mistake, StorageFault
from sandbox.selftest.checks import baselines, checks_of

#: In the run directory.
SELFTEST: Final = "selftest.json"
#: Seconds for which a result without a regression stands: settings of a kernel change while it runs.
KEPT_SECONDS: Final = 86_400
#: From worst to best: of several invocations of a run, each check's worst result counts.
_ORDER: Final = ("failed", "accepted", "untestable", "held")
#: What the boxes and the checks are made of, besides the image.
_SOURCES: Final = (
    "engine/hardening.py",
    "engine/container.py",
    "engine/docker_box.py",
    "link/link.py",
    "engine/reaper.py",
)

Say = Callable[[str], None]


def before(config: Config, runtime: str, *, local: bool, where: str, say: Say) -> dict[str, Any] | None:
    """The self-test of the host on which a run is about to start boxes.

    Args:
        config: the run's.
        runtime: the container runtime.
        local: no Ray was asked for.
        where: the config's file, for messages.
        say: takes lines for the user.

    Returns:
        Its document; None where this version has no baseline for the runtime, or where the boxes are on
        the hosts of a cluster, which ``on_cluster`` tries.

    Raises:
        Mistake: it regressed, and the config does not accept that.
    """
    if not local and config.ray.address is not None:
        return None
    if not _known(runtime, say):
        return None
    document = ensure(config.sandbox.image, runtime, say)
    require(document, degraded=config.sandbox.degraded, where=where, say=say)
    return document


async def on_cluster(
    config: Config, runtime: str, self_test: Callable[[], Awaitable[dict[str, Any]]], *, where: str, say: Say
) -> dict[str, Any] | None:
    """The self-test of every container host of the cluster on which a run is about to start boxes.

    Args:
        config: the run's.
        runtime: the container runtime.
        self_test: takes it.
        where: the config's file, for messages.
        say: takes lines for the user.

    Returns:
        Their one document, in which the worst decides; None where this version has no baseline for the
        runtime.

    Raises:
        Mistake: it regressed on a host, and the config does not accept that; or a host gave none.
    """
    if not _known(runtime, say):
        return None
    document = await self_test()
    require(document, degraded=config.sandbox.degraded, where=where, say=say)
    return document


def _known(runtime: str, say: Say) -> bool:
    if runtime in baselines():
        return True
    say(f"the containment self-test has no baseline for {runtime}: it is not taken")
    return False


def take(image: str, runtime: str, say: Say) -> dict[str, Any]:
    """Takes the self-test on this host and keeps it for later runs, unless it has regressed.

    Args:
        image: ``episode``, or the name of an image of yours that has the runner.
        runtime: the container runtime.
        say: takes lines for the user.

    Returns:
        The document of contract.md section 1, with ``runtime``, ``machine``, ``regressed`` and ``taken``.

    Raises:
        Mistake: no engine answers, it lacks the image or the runtime, or there is no baseline for that.
    """
    from experiments.attempts.executors import host_boxes
    from sandbox.engine.container import Engine
    from sandbox.engine.docker_box import DockerBoxes
    from sandbox.selftest.whole import self_test

    if runtime not in baselines():
        problem, remedy = f"has no baseline for {runtime}", f"there is one for {', '.join(baselines())}"
        raise Mistake(problem, where="the self-test", key="--runtime", remedy=remedy)
    info = host_boxes(image, runtime, None).info
    engine = Engine()
    boxes = DockerBoxes(engine, image=info.image, runtime=runtime, isolation=info.isolation)
    try:
        report = asyncio.run(self_test(engine, boxes, say))
    except (EngineFault, BoxFault, TimeoutError) as fault:
        remedy = "`tidegauge doctor` says what the machine lacks"
        raise Mistake(
            f"no box could be tried: {str(fault) or type(fault).__name__}",
            where="container engine",
            remedy=remedy,
        ) from fault
    finally:
        engine.close()
    document = {**report.as_json(), "taken": int(time.time())}
    if not document["regressed"]:
        _keep(_place(report.machine, runtime), document)
    return document


def ensure(image: str, runtime: str, say: Say) -> dict[str, Any]:
    """The self-test of this engine, kernel, image and version: the kept one, or one that is taken now.

    Raises:
        Mistake: as ``take``.
    """
    from experiments.attempts.executors import host_boxes
    from sandbox.engine.container import Engine
    from sandbox.selftest.whole import machine

    info = host_boxes(image, runtime, None).info
    engine = Engine()
    try:
        place = _place(machine(engine, info.image), runtime)
    finally:
        engine.close()
    with _alone(place, say):
        kept = _kept(place)
        return kept if kept is not None else take(image, runtime, say)


def require(document: dict[str, Any], *, degraded: bool, where: str, say: Say) -> None:
    """Refuses a run on a machine whose self-test regressed, unless the config accepts that.

    Raises:
        Mistake: it regressed; the text names the checks.
    """
    regressed: list[str] = document["regressed"]
    if not regressed:
        return
    names = list(dict.fromkeys(line.partition(":")[0] for line in regressed))
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    hosts = [name for name, host in document.get("hosts", {}).items() if host["regressed"]]
    place = f" on {', '.join(hosts)}" if hosts else ""
    problem = f"the containment self-test regressed{place}: {', '.join(names[:8])}{more}"
    if degraded:
        say(f"{problem}; the run goes on, marked degraded")
        return
    remedy = "`tidegauge selftest` says why; mend it, or write sandbox: {degraded: true} to run all the same"
    raise Mistake(problem, where=where, key="sandbox.degraded", remedy=remedy)


def store(directory: Path, document: dict[str, Any], anchors: Anchors) -> None:
    """Writes the self-test into a run, anchored first; what was worse in an earlier invocation stays.

    Raises:
        Mistake: that of the earlier invocation is no self-test's document any more.
    """
    path = directory / SELFTEST
    try:
        before = _read(path) if path.is_file() else None
    except ValueError as error:
        remedy = "`tidegauge verify RUN` says more; without the file it is taken anew"
        raise Mistake("is no self-test's document", where=str(path), remedy=remedy) from error
    text = canonical(document if before is None else worst(before, document)).decode("utf-8")
    if anchors.texts("selftest")[-1:] != [text]:
        anchors.append("selftest", [text])
    durable.replace(path, text.encode("utf-8"))


def worst(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The later of two self-tests, with each check's worse result and what regressed in either.

    Hosts of a cluster that only the earlier one tried stay named.
    """
    earlier = {check["name"]: check for check in before["checks"]}
    checks = [worst_check([check, earlier.get(check["name"], check)]) for check in now["checks"]]
    lines = dict.fromkeys([*now["regressed"], *before["regressed"]])
    joined = {**now, "checks": checks, "regressed": list(lines)}
    hosts = {**before.get("hosts", {}), **now.get("hosts", {})}
    return {**joined, "hosts": hosts} if hosts else joined


def worst_check(checks: Sequence[dict[str, str]]) -> dict[str, str]:
    """Of results of one check, the worst; of equals the first."""
    return min(checks, key=lambda check: _ORDER.index(check["result"]))


def _place(machine: dict[str, str], runtime: str) -> Path:
    """Where a result is kept: in the user's state directory, which no box sees."""
    from sandbox import selftest

    package = Path(selftest.__file__).parent
    sources = [path for path in sorted(package.rglob("*")) if path.suffix in (".py", ".json")]
    sources += [package.parent / name for name in _SOURCES] + [image_dir() / "seccomp.json"]
    # The host's name: a state directory may lie on a file system that hosts of one kind share.
    key = digest([machine, platform.node(), runtime, [sha256(path.read_bytes()) for path in sources]])
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "tidegauge" / "selftest" / f"{key}.json"


def _alone(place: Path, say: Say) -> contextlib.AbstractContextManager[None]:
    """Waits for whoever takes the same self-test: two would load the machine for each other."""
    lock = place.with_suffix(".lock")
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.touch()
    except OSError:
        return contextlib.nullcontext()  # nothing can be kept there either
    return in_turn(lock, "takes the containment self-test", say)


def _keep(path: Path, document: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.replace(path, canonical(document))
    except (OSError, StorageFault):
        return  # the next run takes it again


def _kept(path: Path) -> dict[str, Any] | None:
    """What is kept there, while it stands."""
    try:
        document = _read(path)
    except (OSError, ValueError):
        return None
    taken = document.get("taken")
    fresh = isinstance(taken, int | float) and 0 <= time.time() - taken < KEPT_SECONDS
    return document if fresh and document["regressed"] == [] else None


def _read(path: Path) -> dict[str, Any]:
    """A stored self-test.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no self-test's document.
    """
    document: dict[str, Any] = json.loads(path.read_bytes())
    checks_of(document)
    if not isinstance(document.get("regressed"), list):
        raise ValueError("it does not say what regressed")
    return document
