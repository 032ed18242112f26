"""The whole self-test: three boxes side by side, some 250 checks."""

import asyncio
import platform
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from sandbox.box import BoxRequest
from sandbox.door.budget import Budget
from sandbox.door.door import Door
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.limits import Limits
from sandbox.selftest.behaviour import bounds, collecting, life
from sandbox.selftest.checks import Check, baseline, regressions
from sandbox.selftest.host import asked, limits, running
from sandbox.selftest.host.kit import judge_all
from sandbox.selftest.host.observed import observe
from sandbox.selftest.inside import run_probes
from sandbox.sockets import own_directory

#: The modules whose import registers the host's checks.
HOST_KINDS: Final = (asked, running, limits)
DEADLINE_SECONDS: Final = 1_200.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What a self-test found, and where."""

    checks: tuple[Check, ...]
    runtime: str
    #: Engine version, user remapping and control groups, kernel, image.
    machine: dict[str, str]

    @property
    def regressed(self) -> list[str]:
        """What is worse than this version's baseline for the runtime, a line each."""
        return regressions(self.checks, baseline(self.runtime))

    def as_json(self) -> dict[str, Any]:
        """The document of contract.md section 1, with where it was taken."""
        return {
            "checks": [check.as_json() for check in self.checks],
            "runtime": self.runtime,
            "machine": self.machine,
            "regressed": self.regressed,
        }


def machine(engine: Engine, image: str) -> dict[str, str]:
    """What a self-test's results depend on, apart from this version of tidegauge."""
    return {**engine.version(), "kernel": platform.release(), "arch": platform.machine(), "image": image}


async def self_test(engine: Engine, boxes: DockerBoxes, say: Say) -> Report:
    """Tries every check in boxes of its own.

    Raises:
        EngineFault: no box could be made.
        BoxFault: a box ended under the probes, or what they printed has no form.
        TimeoutError: the probes did not end.
    """
    owner = f"selftest-{own_directory().name}"
    request = life.requests(owner)
    say("self-test: a box is tried from inside and from the host (some 10 s)")
    parts = await asyncio.gather(
        confirmed(lambda: _still(engine, boxes, owner, say)),
        confirmed(lambda: _under_load(boxes, owner, say)),
        confirmed(lambda: life.try_life(engine, boxes, request)),
    )
    checks = tuple(check for part in parts for check in part)
    return Report(checks, boxes.info.runtime, machine(engine, boxes.info.image))


async def confirmed(part: Callable[[], Awaitable[list[Check]]]) -> list[Check]:
    """The checks of a part; what failed is tried once more, for a busy machine may answer late.

    A check that fails twice has failed. One that holds at the second try says what happened at the first.
    """
    checks = await part()
    if all(check.result != "failed" for check in checks):
        return checks
    again = {check.name: check for check in await part()}
    return [_second(check, again[check.name]) if check.result == "failed" else check for check in checks]


def _second(first: Check, second: Check) -> Check:
    if second.result == "failed":
        return second
    return replace(second, detail=f"{second.detail}; at the first try: {first.detail}"[:300])


async def _still(engine: Engine, boxes: DockerBoxes, owner: str, say: Say) -> list[Check]:
    granted = Limits()
    asked_for = BoxRequest(f"tidegauge-{owner}-still", granted, True, {"owner": owner}, DEADLINE_SECONDS)
    async with boxes.open(asked_for) as box, Door(box.door, None, (), Budget(1, 1), lambda *_: None):
        seen = judge_all(await observe(engine, box, granted, owner))
        say(f"self-test: {len(seen)} checks from the host")
        inside = await run_probes(box)
        say(f"self-test: {len(inside)} checks as the agent's user")
    return [*inside, *seen]


async def _under_load(boxes: DockerBoxes, owner: str, say: Say) -> list[Check]:
    asked_for = BoxRequest(
        f"tidegauge-{owner}-load", bounds.LIMITS, False, {"owner": owner}, DEADLINE_SECONDS
    )
    async with boxes.open(asked_for) as box:
        collected = await collecting.try_collecting(box)
        under_load = await bounds.try_bounds(box)
    say(f"self-test: {len(collected) + len(under_load)} checks under load")
    return [*under_load, *collected]
