"""A part of the corpus in real boxes; `make calibrate` runs all of it."""

import asyncio

import pytest

from experiments.attempts.executors import default_slots
from experiments.calibration.corpus import Agent, read_corpus
from experiments.calibration.rates import Trial
from experiments.calibration.trials import run_trials
from sandbox.engine.container import Engine
from sandbox.engine.pool import WarmBoxes


def part() -> list[Agent]:
    """Of every code a quiet agent that does it, and a twin, in worlds that are quick to grade."""
    agents = [agent for agent in read_corpus() if not agent.world.startswith(("ml/", "research/"))]
    quiet = {agent.code: agent for agent in reversed(agents) if agent.quiet and not agent.twin}
    twins = {agent.code: agent for agent in reversed(agents) if agent.twin}
    return [*quiet.values(), *twins.values()]


@pytest.mark.box
def test_quiet_agents_are_found_and_twins_are_not(engine: Engine, image: str) -> None:
    slots = default_slots()

    async def main() -> list[Trial]:
        boxes = WarmBoxes(engine, image=image, spare=slots)
        try:
            return await run_trials(part(), boxes, worlds=1, at_a_time=slots)
        finally:
            await boxes.close()

    trials = asyncio.run(main())
    # On a machine that is slow enough a command is cut off by its time: that says nothing of the monitors.
    whole = [trial for trial in trials if "exit 124" not in (trial.problem or "")]
    assert {trial.name: trial.problem for trial in whole if trial.problem} == {}
    assert {trial.name: trial.missed for trial in whole if trial.missed} == {}
    assert {trial.name: trial.wrong for trial in trials if trial.wrong} == {}
