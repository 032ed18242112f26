"""A public task's verifier, run in a box of its own: what it said, and what the sensors saw meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sandbox.box import Box, Seen
from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from sandbox.ground import PYTHON, Ground
from tasks.grading import Bench
from tasks.harbor.apart import Handed
from tasks.harbor.reward import FILES, BadReward, read_reward

_TESTS, _VERIFIER = "/tests", "/logs/verifier"
_PRINTED, _MAX_PRINTED = "test-stdout.txt", 4_000
_SCRIPT: Final = f"chmod +x {_TESTS}/test.sh; ({_TESTS}/test.sh) > {_VERIFIER}/{_PRINTED} 2>&1"
#: Run by a Python that is not the image's: nothing that the agent left says what becomes of these.
_CLEAR: Final = """
import os, shutil
for place in {emptied!r}:
    for name in os.listdir(place) if os.path.isdir(place) and not os.path.islink(place) else ():
        path = os.path.join(place, name)
        os.unlink(path) if os.path.islink(path) or not os.path.isdir(path) else shutil.rmtree(path)
    if os.path.islink(place) or os.path.isfile(place):
        os.unlink(place)
for place in {made!r}:
    os.makedirs(place, exist_ok=True)
"""
#: Run by it once all processes have ended: says the end of what was printed, and leaves the rewards alone.
_LEAVE: Final = f"""
import os, shutil, sys
for name in os.listdir("{_VERIFIER}"):
    path = os.path.join("{_VERIFIER}", name)
    plain = os.path.isfile(path) and not os.path.islink(path)
    if name == "{_PRINTED}" and plain:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - {_MAX_PRINTED}))
            sys.stdout.buffer.write(file.read({_MAX_PRINTED}))
    if name not in {FILES!r}:
        os.unlink(path) if os.path.islink(path) or not os.path.isdir(path) else shutil.rmtree(path)
"""
_OUTPUT: Final = 2**16
_MAX_FOUND: Final = 2**24
#: Seconds for laying the tests out and reading what they left, beyond the verifier's own.
_MARGIN: Final = 90.0
_NAMES_PORT: Final = 53
#: Between two looks at the ports that the box listens on.
_LOOK_SECONDS: Final = 0.1


@dataclass
class Verdict:
    """What the verifier said, or why it said nothing, and what the sensors of its box saw."""

    rewards: dict[str, float] | None = None
    invalid: str | None = None
    printed: str = ""
    seen: list[Seen] = field(default_factory=list)
    #: TCP ports that were listened on at some time.
    listening: set[int] = field(default_factory=set)

    @property
    def asked(self) -> set[int]:
        """The ports of the box itself that a connection was asked to."""
        told = (seen.data for seen in self.seen if seen.kind == "net.connect" and not leaves(seen))
        return {port for data in told if data["family"] != "unix" and isinstance(port := data["port"], int)}


@dataclass(frozen=True, slots=True)
class Verifier:
    """A task's verifier on what it works on."""

    ground: Ground
    #: None where the image holds them.
    tests: Sequence[FileSpec] | None
    #: Variables besides the image's own.
    environment: Mapping[str, str]
    #: For as long it may run.
    seconds: float
    #: What it is handed of the agent's box, where it does not run in a snapshot of that.
    handed: Sequence[Handed] = ()

    async def run(self, bench: Bench) -> Verdict:
        """Runs it in a fresh box without a door."""
        verdict = Verdict()
        async with bench.box(ground=self.ground, seconds=self.seconds + _MARGIN) as box:
            try:
                async with _noting(box, verdict.listening):
                    in_time = await self._run_tests(box)
                # All else that lies there goes: the rewards must not be crowded out.
                told = await _tidy(box, _LEAVE, "what the verifier left could not be looked through")
                verdict.printed = told.decode("utf-8", "replace")
                found = await box.collect(_VERIFIER, max_bytes=_MAX_FOUND, max_files=len(FILES))
                if not in_time:
                    raise BadReward(f"the verifier took longer than {self.seconds:g} s")
                verdict.rewards = read_reward(found.files)
            except (BadReward, BoxFault) as error:
                verdict.invalid = str(error)
            verdict.seen = box.drain()
        return verdict

    async def _run_tests(self, box: Box) -> bool:
        """Runs the tests to their end or for as long as the task grants; whether they ended.

        Raises:
            BadReward: the agent left something that makes it impossible.
        """
        await self._lay_out(box)
        environment = {**dict(self.ground.environment), **self.environment}
        try:
            await box.run(
                ["/bin/bash", "-c", _SCRIPT],
                cwd=self.ground.directory,
                env=environment,
                output=_OUTPUT,
                timeout=self.seconds,
            )
        except TimeoutError:
            return False
        await box.kill_all()
        return True

    async def _lay_out(self, box: Box) -> None:
        emptied = [_VERIFIER, *([_TESTS] if self.tests is not None else [])]
        emptied += [one.place for one in self.handed if one.whole]
        made = [*emptied, *(one.place for one in self.handed)]
        problem = "the places of the tests, of the reward or of what is handed over could not be cleared"
        await _tidy(box, _CLEAR.format(emptied=emptied, made=made), problem)
        if self.tests is not None:
            await box.put(_TESTS, self.tests)
        for one in self.handed:
            await box.put(one.place, one.files)


@contextlib.asynccontextmanager
async def _noting(box: Box, ports: set[int]) -> AsyncIterator[None]:
    """Notes which ports are listened on meanwhile."""

    async def look() -> None:
        while True:
            ports.update(box.listening())
            await asyncio.sleep(_LOOK_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()


async def _tidy(box: Box, program: str, problem: str) -> bytes:
    """What ``program`` printed, run by the Python that is not the image's.

    Raises:
        BadReward: it failed, or took long: ``problem``.
    """
    try:
        done = await box.run([*PYTHON, "-ISBc", program], cwd="/", env={}, output=_OUTPUT, timeout=_MARGIN)
    except TimeoutError as error:
        raise BadReward(problem) from error
    if done.code != 0:
        raise BadReward(problem)
    return done.stdout


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
