"""The probes' way into a box and their results' way out, which is data like everything out of a box."""

import json
from importlib import resources
from typing import Any, Final

from sandbox.box import Box
from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from sandbox.selftest.checks import RESULTS, Check
from sandbox.selftest.probes.kinds import PROBES

ROOT: Final = "/task"
#: The bound of a box that hangs, not a pace: a crowded machine that is translated takes 100 times what a quiet one does.
SECONDS: Final = 600.0
#: The same of one probe.
_PROBE_SECONDS: Final = 60
_OUTPUT: Final = 2**20
_DETAIL: Final = 300
#: As the scaffold is started, so that nothing of the agent's changes what runs.
PROGRAM: Final = [
    "python3", "-sEB", "-X", "pycache_prefix=/opt/tidegauge/pycache", "-c",
    f"import runpy, sys; sys.path.insert(0, {ROOT!r}); runpy.run_module('probes', run_name='__main__')",
    str(_PROBE_SECONDS),
]  # fmt: skip


def probe_files() -> list[FileSpec]:
    """The probes as they are laid out under ``ROOT``."""
    folder = resources.files("sandbox.selftest") / "probes"
    entries = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".py")), key=lambda e: e.name
    )
    return [FileSpec(f"probes/{entry.name}", entry.read_bytes()) for entry in entries]


async def run_probes(box: Box) -> list[Check]:
    """Tries every probe as the agent's user.

    Raises:
        BoxFault: what came out is not a result of every probe.
    """
    await box.put(ROOT, probe_files())
    done = await box.run(PROGRAM, cwd="/work", env={"HOME": "/work"}, output=_OUTPUT, timeout=SECONDS)
    if done.code != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise BoxFault(f"the probes ended with {done.code or done.signal}: {''.join(said)}")
    return read_results(done.stdout)


def read_results(printed: bytes) -> list[Check]:
    """The results that the probes printed.

    Raises:
        BoxFault: they are not one known result for each probe.
    """
    try:
        told: dict[str, Any] = json.loads(printed)
        results = {name: (str(result), str(detail)) for name, (result, detail) in told.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise BoxFault("the probes' results have no form") from error
    if results.keys() != {one.name for one in PROBES} or any(r not in RESULTS for r, _ in results.values()):
        raise BoxFault("the probes' results are not those that were asked for")
    meanings = {one.name: one.meaning for one in PROBES}
    return [
        Check(name, result, detail[:_DETAIL], meanings[name])  # type: ignore[arg-type]
        for name, (result, detail) in results.items()
    ]
