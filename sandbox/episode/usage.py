"""What a box uses, polled from its cgroup, recorded once a second and held against its limits."""

import asyncio
import time
from dataclasses import asdict
from typing import Final

from sandbox.box import Box, Usage
from sandbox.limits import Limits
from sandbox.recorder import Recorder

POLL_SECONDS: Final = 0.1
_RECORD_SECONDS: Final = 1.0


class UsageMeter:
    """Polls one box."""

    def __init__(self, box: Box, recorder: Recorder, limits: Limits) -> None:
        self._box = box
        self._recorder = recorder
        self._limits = limits
        #: The runner's own processes, before anything of the agent's runs.
        self._base = box.usage().processes
        self._last = Usage()
        self._recorded = 0.0
        self._processes_peak: int | None = None

    async def poll(self) -> None:
        """Until cancelled, or until the box has used its CPU time."""
        while True:
            usage = self._read()
            if usage.cpu_us is not None and usage.cpu_us >= self._limits.cpu_time * 1e6:
                self._recorder.limit("cpu_time", self._limits.cpu_time, usage.cpu_us / 1e6)
                return
            await asyncio.sleep(POLL_SECONDS)

    def close(self) -> dict[str, float | int | None]:
        """Takes the last reading; the usage of a ledger line, None where not observed."""
        usage = self._read(last=True)
        return {
            "cpu_s": None if usage.cpu_us is None else round(usage.cpu_us / 1e6, 3),
            "memory_peak": usage.memory_peak,
            "processes_peak": self._processes_peak,
        }

    def _read(self, last: bool = False) -> Usage:
        read = self._box.usage()
        # A box that just ended has no counters any more; what was read before still holds.
        usage = read if read.cpu_us is not None else self._last
        if usage.processes is not None and self._base is not None:
            self._processes_peak = max(self._processes_peak or 0, usage.processes - self._base)
        refused = (usage.oom_kills, usage.refused_processes) != (
            self._last.oom_kills,
            self._last.refused_processes,
        )
        now = time.monotonic()
        if usage.cpu_us is not None and (last or refused or now - self._recorded >= _RECORD_SECONDS):
            self._recorder.record("cgroup", "cgroup.usage", asdict(usage))
            self._recorded = now
        self._last = usage
        return usage
