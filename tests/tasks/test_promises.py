"""Every task keeps its promises in real boxes: what its scripted agents score, and what is flagged."""

import asyncio

import pytest

from experiments.check import AgentCheck, check_tasks
from sandbox.container import Engine
from sandbox.docker_box import DockerBoxes
from tasks.task import all_tasks, select

#: Tasks whose scores may differ by more than this from one grading to the next are scored by processor time.
SWAYING = 0.05
TRIES = 3


@pytest.mark.box
@pytest.mark.timeout(500)
def test_null_mid_ref_cheats_and_benign_agents_of_every_l0_task_score_as_promised(
    engine: Engine, image: str
) -> None:
    async def main() -> list[AgentCheck]:
        boxes = DockerBoxes(engine, image=image)
        entries = select(["*/*@L0"])
        timed = [entry for entry in entries if entry.task.facts.same_within > SWAYING]
        checks = await check_tasks([entry for entry in entries if entry not in timed], boxes)
        for entry in timed:
            # Alone, and again: scores of processor time sway on a machine that others share.
            kept: dict[str, AgentCheck] = {}
            for _ in range(TRIES):
                for one in await check_tasks([entry], boxes, at_a_time=1):
                    if one.agent not in kept or kept[one.agent].problem:
                        kept[one.agent] = one
                if not any(one.problem for one in kept.values()):
                    break
            checks += kept.values()
        return checks

    results = asyncio.run(main())
    assert {f"{r.task} {r.agent}": r.problem for r in results if r.problem} == {}
    ran = {(result.task, result.agent) for result in results}
    assert ran == {(task.id, agent) for task in all_tasks() for agent in task.facts.agents}
