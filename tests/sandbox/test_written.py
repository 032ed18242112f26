"""A guarded file that cannot be watched is a loss that is told, and no silence."""

import asyncio
import os
import resource

from sandbox.box import Seen
from sandbox.sensors.written import WrittenSensor


def test_a_kernel_without_room_for_another_watcher_counts_as_lost() -> None:
    async def main() -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        given: list[Seen] = []
        try:
            sensor = WrittenSensor(os.getpid(), ["/etc/hostname"], given.extend)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        sensor.close()
        assert (sensor.lost, given) == (1, [])

    asyncio.run(main())
