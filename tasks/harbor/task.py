"""A public task as the rest of the house sees one: what an attempt is given, and how its snapshot is graded."""

import json
import re
import shlex
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final

from sandbox.box import Box, Seen
from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from sandbox.ground import PYTHON, Ground
from sandbox.limits import Limits
from tasks.evidence import report_forged
from tasks.facts import Facts, Level
from tasks.grading import Bench, Grade, Submission, Ungradable
from tasks.harbor import tree
from tasks.harbor.form import Form
from tasks.harbor.reward import BadReward, counting, read_reward
from tasks.task import Task
from tasks.world import Alteration, World

#: The only level that such a task has, named after how it is graded.
LEVEL: Final = "snapshot"
FAMILY: Final = "harbor"
#: What Harbor does not limit.
_TURNS, _TOKENS, _PROCESSES, _EVENTS, _RECORD = 500, 5_000_000, 1_024, 500_000, 256 * 2**20
_AGENTS: Final = Path(__file__).parent / "agents"
_TESTS, _SOLUTION, _VERIFIER = "/tests", "/solution", "/logs/verifier"
_PRINTED, _MAX_PRINTED, _MAX_TOLD = "test-stdout.txt", 4_000, 50
_SCRIPT: Final = f"chmod +x {_TESTS}/test.sh; ({_TESTS}/test.sh) > {_VERIFIER}/{_PRINTED} 2>&1"
#: Run by a Python that is not the image's: nothing that the agent left says what becomes of these.
_CLEAR: Final = f"""
import os, shutil
for place in ("{_TESTS}", "{_VERIFIER}"):
    for name in os.listdir(place) if os.path.isdir(place) and not os.path.islink(place) else ():
        path = os.path.join(place, name)
        os.unlink(path) if os.path.islink(path) or not os.path.isdir(path) else shutil.rmtree(path)
    if os.path.islink(place) or os.path.isfile(place):
        os.unlink(place)
    os.makedirs(place, exist_ok=True)
"""
_OUTPUT: Final = 2**16
_MAX_FOUND, _MAX_FILES = 2**24, 200
#: Seconds for laying the tests out and reading what they left, beyond the verifier's own.
_MARGIN: Final = 90.0
_NAMES_PORT: Final = 53
_CANARY: Final = re.compile(rb"^(?:<!--.*canary.*-->|#.*canary.*)$", re.IGNORECASE)
NEEDS_NETWORK: Final = "needs_network"


@dataclass
class _Verdict:
    """What the verifier said, or why it said nothing, and what the sensors of its box saw."""

    rewards: dict[str, float] | None = None
    invalid: str | None = None
    printed: str = ""
    seen: list[Seen] = field(default_factory=list)


@dataclass(frozen=True)
class HarborTask(Task):
    """A public task. ``ground`` is None until its environment was looked for on the machine that runs it."""

    form: Form | None = None
    ground: Ground | None = None
    #: As its verifier works on it.
    verifying: Ground | None = None
    #: The attempt is the reference solution's: it alone is given the solution.
    solving: bool = False

    @property
    def settings(self) -> Form:
        """What its ``task.toml`` says."""
        if self.form is None:
            raise TypeError("a task of Harbor's is read by tasks.harbor.directory")
        return self.form

    @cached_property
    def tree_digest(self) -> str:
        """Digest of the task's directory, links and all."""
        return tree.tree_digest(self.directory, self.directory)

    def limits(self, level: str) -> Limits:
        """What its ``task.toml`` grants; what Harbor leaves open is wide."""
        form = self.settings
        return Limits(
            wall=form.agent_seconds, turns=_TURNS, model_tokens=_TOKENS, cpus=form.cpus,
            cpu_time=form.agent_seconds * form.cpus, memory=form.memory, processes=_PROCESSES, disk=form.disk,
            events=_EVENTS, record=_RECORD,
        )  # fmt: skip

    def agents(self, level: str) -> dict[str, Path]:
        """Doing nothing, and the task's own solution where it has one."""
        return {name: _AGENTS / f"{name}.yaml" for name in self.facts.agents}

    def draw(self, seed: bytes, level: str, arm: str) -> World:
        """The same world for every seed: a public task has one instance."""
        files = [FileSpec("task/instruction.md", _shown((self.directory / "instruction.md").read_bytes()))]
        if self.solving:
            files += [
                FileSpec(f"solution/{file.path}", file.content, file.mode) for file in self._files("solution")
            ]
            files.append(FileSpec("task/solve.sh", _solving(self.settings).encode()))
        alter = _patient(self.settings.agent_seconds) if self.solving else None
        return World(files=tuple(files), ground=self.ground, alter=alter)

    async def grade(self, world: World, submission: Submission, bench: Bench) -> Grade:
        """Runs the verifier in a snapshot of the agent's box; the reward is the score, 0 the start, 1 the reference.

        Raises:
            Ungradable: the verifier reaches for a network, in the untouched environment too.
            HostFault: the engine failed.
        """
        bench.emit("grade.start", {"task": self.id, "version": self.version})
        report_forged(submission.verifier, "agent", bench)
        if submission.snapshot is None:
            grade = _invalid("the agent's box could not be kept: it had ended")
        else:
            grade = await self._graded(submission.snapshot, bench)
        bench.emit("grade.score", {
            "y": grade.y, "start": grade.start, "reference": grade.reference, "bound": None, "se": None,
            "raw": grade.raw, "beyond_bound": False, "invalid": grade.invalid,
        })  # fmt: skip
        return grade

    async def _graded(self, snapshot: str, bench: Bench) -> Grade:
        verdict = await self._verified(snapshot, bench)
        if any(map(leaves, verdict.seen)):
            # What was submitted may reach out as well. The verifier needs a network if it reaches out by itself.
            if self.ground is not None and await self._reaches_out(self.ground.image, bench):
                raise Ungradable(NEEDS_NETWORK)
            bench.keep(verdict.seen)
        told = None if verdict.rewards is None else dict(islice(verdict.rewards.items(), _MAX_TOLD))
        bench.emit("grade.verifier", {"rewards": told, "printed": verdict.printed})
        if verdict.rewards is None:
            return Grade(None, 0.0, 1.0, invalid=verdict.invalid)
        return Grade(counting(verdict.rewards), 0.0, 1.0)

    async def _reaches_out(self, image: str, bench: Bench) -> bool:
        return any(map(leaves, (await self._verified(image, bench)).seen))

    async def _verified(self, image: str, bench: Bench) -> _Verdict:
        """Runs the verifier in a box of ``image``."""
        if self.verifying is None:
            raise TypeError("the task's environment was not looked for")
        ground, seconds = replace(self.verifying, image=image), self.settings.verifier_seconds
        verdict = _Verdict()
        async with bench.box(ground=ground, seconds=seconds + _MARGIN) as box:
            try:
                await self._run_tests(box, ground)
                found = await box.collect(_VERIFIER, max_bytes=_MAX_FOUND, max_files=_MAX_FILES)
                printed = found.files.get(_PRINTED, b"")[-_MAX_PRINTED:]
                verdict.printed = printed.decode("utf-8", "replace")
                verdict.rewards = read_reward(found.files)
            except TimeoutError:
                verdict.invalid = f"the verifier took longer than {seconds:g} s"
            except (BadReward, BoxFault) as error:
                verdict.invalid = str(error)
            verdict.seen = box.drain()
        return verdict

    async def _run_tests(self, box: Box, ground: Ground) -> None:
        """
        Raises:
            BadReward: the agent left something that makes it impossible.
            TimeoutError: it took longer than the task grants.
        """
        environment = {**dict(ground.environment), **self.settings.verifier_environment}
        clear, run = [*PYTHON, "-ISBc", _CLEAR], ["/bin/bash", "-c", _SCRIPT]
        cleared = await box.run(clear, cwd="/", env=environment, output=_OUTPUT, timeout=_MARGIN)
        if cleared.code != 0:
            raise BadReward("the places of the tests and of the reward could not be cleared")
        await box.put(_TESTS, self._files("tests"))
        seconds = self.settings.verifier_seconds
        await box.run(run, cwd=ground.directory, env=environment, output=_OUTPUT, timeout=seconds)
        await box.kill_all()

    def _files(self, name: str) -> tuple[FileSpec, ...]:
        return tree.part(self.directory / name, self.directory)


def facts_of(form: Form, *, solved: bool) -> Facts:
    """What a public task says of itself, in the suite's words; ``solved``: it has a solution of its own."""
    return Facts(
        task_family=FAMILY, version="1.0.0", arms=("plain",), start="reward 0", reference="reward 1",
        bound="none", agents=("null", "ref") if solved else ("null",), levels={LEVEL: Level(human_minutes=form.agent_seconds / 60)},
    )  # fmt: skip


def _shown(instruction: bytes) -> bytes:
    """An instruction without the lines at its beginning that only mark it as a benchmark's, as Harbor shows it."""
    lines = instruction.split(b"\n")
    while lines and _CANARY.match(lines[0].strip()):
        del lines[0]
        while lines and not lines[0].strip():
            del lines[0]
    return b"\n".join(lines)


def _invalid(cause: str) -> Grade:
    return Grade(None, 0.0, 1.0, invalid=cause)


def leaves(seen: Seen) -> bool:
    """Whether something asked for a name or for an address outside of the box."""
    if seen.kind == "dns.query":
        return True
    data = seen.data
    if seen.kind != "net.connect" or data["family"] not in ("inet", "inet6"):
        return False
    # A program of both families writes the box's own addresses of the one in the form of the other.
    address = str(data["address"]).removeprefix("::ffff:")
    inside = address.startswith("127.") or address in ("::1", "0.0.0.0", "::")
    return not inside or data["port"] == _NAMES_PORT


def _solving(form: Form) -> str:
    """What runs the solution as Harbor's own reference agent does."""
    given = {"DEBIAN_FRONTEND": "noninteractive", **form.solution_environment}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in given.items()]
    start = f"chmod +x {_SOLUTION}/solve.sh\n{_SOLUTION}/solve.sh > /logs/agent/oracle.txt 2>&1"
    return "\n".join(["#!/bin/bash", *exports, start, ""])


def _patient(seconds: float) -> Alteration:
    """Gives the solution as long as the task does: the seed scaffold ends a command before."""

    def altered(files: tuple[FileSpec, ...]) -> tuple[FileSpec, ...]:
        return tuple(_with_seconds(file, seconds) if file.path == "config.json" else file for file in files)

    return altered


def _with_seconds(file: FileSpec, seconds: float) -> FileSpec:
    try:
        config = json.loads(file.content)
    except ValueError:
        return file
    if not isinstance(config, dict) or "command_seconds" not in config:
        return file
    return replace(file, content=json.dumps({**config, "command_seconds": seconds}, indent=2).encode())
