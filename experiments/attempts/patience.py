"""How long a run waits for what its host lacks just now: a container engine that gives boxes, room on the disk."""

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from sandbox.box import Boxes
from sandbox.errors import EngineFault, Mistake, StorageFault

#: Seconds that a run waits for what comes back; then it stops, and the same command resumes.
PATIENCE: Final = 300.0
#: Seconds between two looks.
PAUSE: Final = 1.0
#: Seconds between two questions to all container hosts.
WATCH: Final = 2.0
#: Room that a run must find: the largest record of one attempt, and what lies beside it.
LEAST_FREE: Final = 64 * 2**20
_DOCTOR: Final = "`tidegauge doctor` says more"


async def engine_back(boxes: Boxes) -> None:
    """Returns when boxes can be had, or after ``PATIENCE``."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        await asyncio.sleep(PAUSE)
        try:
            return await boxes.answering()
        except EngineFault:
            continue


class Patience:
    """What a run waits for: said once, whoever waits, and once more when it is there again."""

    def __init__(self, say: Callable[[str], None], seconds: float = PATIENCE) -> None:
        """
        Args:
            say: takes lines for the user.
            seconds: how long one thing is waited for.
        """
        self._say, self._seconds = say, seconds
        #: What is lacking → since when.
        self._lacking: dict[str, float] = {}

    @property
    def waits(self) -> bool:
        """Whether anything was lacking when it was last looked at."""
        return bool(self._lacking)

    def engines(self, lacking: Mapping[str, str | None]) -> None:
        """Takes note of why each container host gives no boxes just now; None for one that does.

        Raises:
            Mistake: none did for too long.
        """
        for host, why in lacking.items():
            if why is None:
                self._there(host)
            else:
                self._lacks(host, why, _DOCTOR)
        if lacking and all(host in self._lacking for host in lacking):
            last = max(lacking, key=lambda host: self._lacking[host])
            self._bound(last, lacking[last] or "", _DOCTOR)

    async def room(self, directory: Path) -> None:
        """Returns once there is room on the disk of ``directory``.

        Raises:
            Mistake: there was none for too long.
        """
        while (free := shutil.disk_usage(directory).free) < LEAST_FREE:
            why = f"{free / 2**20:.0f} MiB are free, a run needs {LEAST_FREE / 2**20:.0f} MiB"
            await self._wait(_disk(directory), why, "free some room")
        self._there(_disk(directory))

    async def storage(self, directory: Path, fault: StorageFault) -> None:
        """Waits a little, because the disk refused what must be kept.

        Raises:
            Mistake: it did for too long.
        """
        await self._wait(_disk(directory), str(fault), "free some room or make it writable")

    async def _wait(self, what: str, why: str, remedy: str) -> None:
        self._lacks(what, why, remedy)
        self._bound(what, why, remedy)
        await asyncio.sleep(PAUSE)

    def _lacks(self, what: str, why: str, remedy: str) -> None:
        if what not in self._lacking:
            self._lacking[what] = time.monotonic()
            self._say(f"waiting up to {self._seconds:.0f} s for the {what}: {why}; {remedy}")

    def _bound(self, what: str, why: str, remedy: str) -> None:
        if time.monotonic() - self._lacking[what] > self._seconds:
            problem = f"waited {self._seconds:.0f} s for it: {why}"
            raise Mistake(problem, where=what, remedy=f"{remedy}; then the same command resumes")

    def _there(self, what: str) -> None:
        since = self._lacking.pop(what, None)
        if since is not None:
            self._say(f"the {what} is back after {time.monotonic() - since:.0f} s; the run goes on")


def _disk(directory: Path) -> str:
    return f"disk of {directory}"
