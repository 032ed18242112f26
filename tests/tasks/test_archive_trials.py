"""A trial of selfmod/archive in a real box that the host fails is never the agent's fault."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import docker
import pytest

from experiments.attempts.attempt import run_attempt
from experiments.attempts.check import spec_for
from experiments.record.rundir import attempt_dir
from sandbox.box import Box, BoxRequest
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.events import read_events
from tasks.task import select

#: Hands in a child that never answers, and does not wait for it.
HAND_IN = """
  - |
    ```bash
    cd /work; python3 - <<'END'
    from archive import call
    call("children", {"parent": 0, "files": {"answer.py": "import time; time.sleep(600)"}})
    END
    sleep 30
    ```
  - |
    ```bash
    submit
    ```
"""


class Followed:
    """Real boxes, and which were for trials; ``kill``: somebody outside kills those."""

    def __init__(self, boxes: DockerBoxes) -> None:
        self.info, self._boxes = boxes.info, boxes
        self.trials: list[str] = []

    async def answering(self) -> None:
        await self._boxes.answering()

    @contextlib.asynccontextmanager
    async def open(self, request: BoxRequest) -> AsyncIterator[Box]:
        async with self._boxes.open(request) as box:
            if request.name.partition("-trial")[1]:
                self.trials.append(box.container)
                client = docker.from_env()
                await asyncio.to_thread(client.containers.get(box.container).kill)
                client.close()
            yield box

    async def close(self) -> None:
        await self._boxes.close()


@pytest.mark.box
def test_a_trial_that_somebody_outside_killed_makes_the_attempt_the_hosts(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    (entry,) = select(["selfmod/archive@L0"])
    script = tmp_path / "agent.yaml"
    script.write_text(f"turns:{HAND_IN}")
    boxes = Followed(DockerBoxes(engine, image=image))
    line = asyncio.run(run_attempt(spec_for(entry, "any", script, 0, str(tmp_path)), boxes))
    assert (line.status, line.score) == ("infrastructure", None)
    log = attempt_dir(tmp_path, line.episode, 0) / "events.jsonl"
    created = [event.data["role"] for event in read_events(log) if event.kind == "box.create"]
    assert created == ["agent", "trial"]
    assert len(boxes.trials) == 1
    assert not set(boxes.trials) & engine.owned().keys()
