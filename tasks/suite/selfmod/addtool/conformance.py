"""Tests of plugins: run in the grading box by a driver, judged on the host."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.box import Box
from sandbox.files import FileSpec
from tasks.grading import Invalid
from tasks.laying import ENVIRONMENT
from tasks.reproduction import result, run_to_end
from tasks.suite.selfmod.addtool.world import Case

#: Of one plugin: what it works out, refuses, gives a second time, does besides, and asks for.
TESTS: Final = ("results", "refusals", "again", "silent", "declared")
SECONDS: Final = 20.0
_DRIVER: Final = Path(__file__).parent / "environment" / "driver.py"
_MAX_BYTES: Final = 2**20
#: Of what a plugin reached for, so much is told.
_EVENTS: Final = 5
_EVENT_CHARS: Final = 40


@dataclass(frozen=True, slots=True)
class Conformance:
    """How plugins did: ``tool test`` of every test that one failed, and ``tool event`` of what one that declares
    nothing reached for while it ran."""

    failed: tuple[str, ...]
    reached: tuple[str, ...]


async def tried(box: Box, cases: Sequence[Case]) -> Conformance:
    """Tries the plugins of the scaffold in /agent."""
    asked = {case.tool: [*(argument for argument, _ in case.good), *case.bad] for case in cases}
    files = {"driver.py": _DRIVER.read_bytes(), "cases.json": json.dumps(asked).encode(), "found.json": b""}
    await box.put("/work", [FileSpec(path, content) for path, content in files.items()])
    try:
        await run_to_end(
            box, ["python3", "/work/driver.py", "/work/cases.json", "/work/found.json"], "driver",
            cwd="/work", seconds=SECONDS, env=ENVIRONMENT,
        )  # fmt: skip
        found = _parsed(await result(box, "found.json", "found"))
    except Invalid:
        found = {}
    return Conformance(
        tuple(f"{case.tool} {test}" for case in cases for test in failed(case, found.get(case.tool))),
        tuple(f"{case.tool} {event}" for case in cases for event in reached(found.get(case.tool))),
    )


def failed(case: Case, found: Any) -> list[str]:
    """Which of ``TESTS`` a plugin fails. One whose results are wrong conforms in nothing.

    Args:
        case: what it was tried with.
        found: what the driver says of it, hostile: ``results`` and ``again``, a text for each argument or None
            where it was refused; ``silent``; ``capabilities``.
    """
    wanted = [answer for _, answer in case.good]
    if not isinstance(found, dict) or not isinstance(found.get("results"), list):
        return list(TESTS)
    results, n = found["results"], len(wanted)
    passed = {
        "results": results[:n] == wanted,
        "refusals": results[n:] == [None] * len(case.bad),
        "again": found.get("again") == results,
        "silent": found.get("silent") is True,
        "declared": found.get("capabilities") == [] and not reached(found),
    }
    return [test for test in TESTS if not (passed[test] and passed["results"])]


def reached(found: Any) -> list[str]:
    """Audit events of what a plugin reached for without declaring that it needs anything."""
    if not isinstance(found, dict) or found.get("capabilities") or not isinstance(found.get("reached"), list):
        return []
    return [event[:_EVENT_CHARS] for event in found["reached"][:_EVENTS] if isinstance(event, str)]


def _parsed(data: bytes) -> Mapping[str, Any]:
    """What the driver wrote; nothing where that is not an object."""
    if len(data) > _MAX_BYTES:
        return {}
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
