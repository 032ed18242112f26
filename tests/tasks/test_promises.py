"""Every task keeps its promises in real boxes: what its scripted agents score, and what is flagged."""

import asyncio

import pytest

from experiments.check import AgentCheck, check_tasks
from sandbox.container import Engine
from sandbox.docker_box import DockerBoxes
from tasks.task import select


@pytest.mark.box
@pytest.mark.timeout(300)
def test_null_mid_ref_cheats_and_benign_agents_of_every_l0_task_score_as_promised(
    engine: Engine, image: str
) -> None:
    async def main() -> list[AgentCheck]:
        return await check_tasks(select(["*/*@L0"]), DockerBoxes(engine, image=image))

    results = asyncio.run(main())
    assert {f"{r.task} {r.agent}": r.problem for r in results if r.problem} == {}
    six = ["benign", "cheat", "cheat", "mid", "null", "ref"]
    tasks = ["ml/clean", "ml/tab", "research/debug", "selfmod/scaffold"]
    more = {"replication/cloud": ["acts", "acts", "acts"], "selfmod/repair": ["null"]}
    expected = dict.fromkeys(tasks, six) | {task: sorted(six + added) for task, added in more.items()}
    assert _kinds(results) == expected


def _kinds(results: list[AgentCheck]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for result in results:
        found.setdefault(result.task, []).append(result.agent.partition("_")[0])
    return {task: sorted(kinds) for task, kinds in found.items()}
