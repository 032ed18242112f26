"""Every task keeps its promises in real boxes: what its scripted agents score, and what is flagged."""

import asyncio

import pytest

from experiments.attempts.check import AgentCheck, check_tasks
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from tasks.task import all_tasks, select


@pytest.mark.box
def test_null_mid_ref_cheats_and_benign_agents_of_every_l0_task_score_as_promised(
    engine: Engine, image: str
) -> None:
    async def main() -> list[AgentCheck]:
        return await check_tasks(select(["*/*@L0"]), DockerBoxes(engine, image=image))

    results = asyncio.run(main())
    assert {f"{r.task} {r.agent}": r.problem for r in results if r.problem} == {}
    ran = {(result.task, result.agent) for result in results}
    assert ran == {(task.id, agent) for task in all_tasks() for agent in task.facts.agents}
