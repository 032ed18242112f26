"""A public task as the rest of the house sees one: what an attempt is given, and how its snapshot is graded."""

import json
import re
import shlex
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final

from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from sandbox.ground import Ground
from sandbox.limits import Limits
from tasks.evidence import report_forged
from tasks.facts import Facts, Level
from tasks.grading import Bench, Grade, Submission, Ungradable
from tasks.harbor import tree
from tasks.harbor.apart import Handed, hand_over
from tasks.harbor.form import Form
from tasks.harbor.reward import BadReward, counting
from tasks.harbor.verifier import Verdict, Verifier, leaves
from tasks.task import Task
from tasks.world import Alteration, World

#: The only level that such a task has, named after how it is graded.
LEVEL: Final = "snapshot"
FAMILY: Final = "harbor"
#: What Harbor does not limit.
_TURNS, _TOKENS, _PROCESSES, _EVENTS, _RECORD = 500, 5_000_000, 1_024, 500_000, 256 * 2**20
_AGENTS: Final = Path(__file__).parent / "agents"
_SOLUTION, _SAID, _MAX_TOLD = "/solution", "/logs/agent/oracle.txt", 50
_CANARY: Final = re.compile(rb"^(?:<!--.*canary.*-->|#.*canary.*)$", re.IGNORECASE)
NEEDS_NETWORK: Final = "needs_network"
NEEDS_PROCESSES: Final = "needs_processes"


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
        """Digest of what of the task's directory makes the task, links and all."""
        return tree.task_digest(self.directory)

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
            Ungradable: the verifier reaches for a network, in the untouched environment too, or for a server that the
                agent had running and that nothing in the verifier's box stands in for.
            HostFault: the engine failed.
        """
        bench.emit("grade.start", {"task": self.id, "version": self.version})
        report_forged(submission.verifier, "agent", bench)
        if submission.snapshot is None:
            grade = _invalid("the agent's box could not be kept: it had ended")
        else:
            grade = await self._graded(submission.snapshot, submission.listening, bench)
        bench.emit("grade.score", {
            "y": grade.y, "start": grade.start, "reference": grade.reference, "bound": None, "se": None,
            "raw": grade.raw, "beyond_bound": False, "invalid": grade.invalid,
        })  # fmt: skip
        return grade

    async def _graded(self, snapshot: str, listening: frozenset[int], bench: Bench) -> Grade:
        verdict = await self._verified(snapshot, bench)
        if any(map(leaves, verdict.seen)):
            # What was submitted may reach out as well. The verifier needs a network if it reaches out by itself.
            if self.ground is not None and await self._reaches_out(self.ground.image, bench):
                raise Ungradable(NEEDS_NETWORK)
            bench.keep(verdict.seen)
        told = None if verdict.rewards is None else dict(islice(verdict.rewards.items(), _MAX_TOLD))
        bench.emit("grade.verifier", {"rewards": told, "printed": verdict.printed})
        # A verifier apart never met what ran in the agent's box.
        ended = (listening & verdict.asked) - verdict.listening if self.settings.apart is None else ()
        if ended:
            raise Ungradable(
                f"{NEEDS_PROCESSES}: what the agent had listening on port {min(ended)} was ended"
            )
        if verdict.rewards is None:
            return Grade(None, 0.0, 1.0, invalid=verdict.invalid)
        return Grade(counting(verdict.rewards), 0.0, 1.0)

    async def _verified(self, image: str, bench: Bench) -> Verdict:
        """Runs the verifier on what ``image`` holds: in a box of it, or in one of its own that is handed the artefacts."""
        form, apart, ground = self.settings, self.settings.apart, self.verifying
        if ground is None or self.ground is None:
            raise TypeError("the task's environment was not looked for")
        handed = list[Handed]()
        if apart is None:
            ground = replace(ground, image=image)
        else:
            async with bench.box(ground=replace(self.ground, image=image)) as box:
                try:
                    handed = await hand_over(apart.artefacts, box)
                except (BadReward, BoxFault) as error:
                    return Verdict(invalid=str(error))
        bundled = apart is not None and apart.bundles(self.directory / "tests")
        tests = None if bundled else self._files("tests")
        verifier = Verifier(ground, tests, form.verifier_environment, form.verifier_seconds, handed)
        return await verifier.run(bench)

    async def _reaches_out(self, image: str, bench: Bench) -> bool:
        return any(map(leaves, (await self._verified(image, bench)).seen))

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


def _solving(form: Form) -> str:
    """What runs the solution as Harbor's own reference agent does."""
    given = {"DEBIAN_FRONTEND": "noninteractive", **form.solution_environment}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in given.items()]
    start = f"chmod +x {_SOLUTION}/solve.sh\n{_SOLUTION}/solve.sh > {_SAID} 2>&1"
    # What it said last is in the attempt's log then.
    end = f"code=$?\ntail -n 20 {_SAID}\nexit $code"
    return "\n".join(["#!/bin/bash", *exports, start, end, ""])


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
