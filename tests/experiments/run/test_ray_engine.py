"""On Ray, a runner that dies costs an attempt and never a result."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from experiments.attempts.executors import AttemptAbandoned
from experiments.attempts.ray_engine import RayExecutor
from experiments.attempts.ray_hosts import Host
from sandbox.errors import Mistake


def _runner(mark: Path) -> Any:
    """An actor like ``EpisodeRunner``, local to this function so that Ray carries it by value."""
    import ray

    class Runner:
        async def run(self, what: str) -> str:
            import asyncio
            import os

            from sandbox.errors import Mistake

            if what == "die":
                os._exit(1)
            if what == "mistake":
                raise Mistake("no such image", where="engine")
            if what == "hang":
                mark.write_text("begun")
            try:
                await asyncio.sleep(60 if what == "hang" else 0)
            finally:
                if what == "hang":
                    mark.write_text("cancelled")
            return what

        async def answer(self) -> None:
            return

        async def close(self) -> None:
            mark.write_text("closed")

    options = {"num_cpus": 0, "max_concurrency": 3, "max_restarts": 5, "max_task_retries": 0}
    return ray.remote(Runner).options(**options).remote()


def test_runners_that_die_hang_or_err_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    mark = tmp_path / "mark"
    said: list[str] = []

    async def talk() -> None:
        executor: Any = RayExecutor([Host("here", "", _runner(mark), 2)], said.append)
        assert executor.slots == 2
        assert await executor.run("well") == "well"
        with pytest.raises(Mistake, match=r"^engine: no such image$"):
            await executor.run("mistake")
        with pytest.raises(AttemptAbandoned, match="the runner on here died"):
            await executor.run("die")
        # Not given out again before it answers: nothing else would be left of an episode's retries.
        assert await executor.run("well") == "well"
        hanging = asyncio.create_task(executor.run("hang"))
        while not mark.exists():
            await asyncio.sleep(0.05)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        assert mark.read_text() == "cancelled"
        await executor.close()
        assert mark.read_text() == "closed"

    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        asyncio.run(talk())
    finally:
        ray.shutdown()
