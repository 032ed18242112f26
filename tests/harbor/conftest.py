"""Small public tasks, written as people write them for Harbor."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from experiments.attempts.attempt import run_attempt
from experiments.planning.loading import load_config
from experiments.planning.plan import make_plan
from experiments.planning.public import grounded
from experiments.record.identity import Secret
from experiments.record.records import LedgerLine
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from tests.harbor.attempting import Attempted, MakeTask, by_name, written

TOML = """
schema_version = "1.1"
artifacts = []

[task]
name = "example/{name}"
description = "An example"

[metadata]
difficulty = "easy"

[verifier]
timeout_sec = 60.0

[agent]
timeout_sec = 60.0

[environment]
build_timeout_sec = 120.0
cpus = 1
memory_mb = 512
storage_mb = 256
{environment}
"""
SEEDED = "FROM ubuntu:24.04\nWORKDIR /app\nRUN echo 41 > /app/number.txt\n"
SOLVED = """#!/bin/bash
mkdir -p /logs/verifier
if [ "$(cat /app/number.txt)" = 42 ]; then echo 1 > /logs/verifier/reward.txt; else echo 0 > /logs/verifier/reward.txt; fi
"""
SOLUTION = "#!/bin/bash\necho 42 > number.txt\n"


@pytest.fixture
def public_task(tmp_path: Path) -> MakeTask:
    """Writes a task: ``public_task(name, environment=TOML lines, dockerfile=…, test=…, solve=…)``.

    By default a number is to be raised by one, in a box without a network.
    """

    def write(
        name: str,
        *,
        environment: str = 'network_mode = "no-network"',
        dockerfile: str | None = SEEDED,
        test: str = SOLVED,
        solve: str = SOLUTION,
        more: str = "",
    ) -> Path:
        directory = tmp_path / "public" / name
        files = {
            "task.toml": TOML.format(name=name, environment=environment) + more,
            "instruction.md": "Raise the number in /app/number.txt by one.\n",
            "tests/test.sh": test,
            "solution/solve.sh": solve,
            **({} if dockerfile is None else {"environment/Dockerfile": dockerfile}),
        }
        for path, text in files.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text)
        (directory / "environment").mkdir(exist_ok=True)
        return directory

    return write


@pytest.fixture
def attempted(engine: Engine, image: str, tmp_path: Path) -> Attempted:
    """Makes one attempt each at the tasks written so far, without all else that a run does."""

    def run(*models: dict[str, Any], **changes: Any) -> dict[str, LedgerLine]:
        config = load_config(written(tmp_path, models, **changes))
        plan = make_plan(config, Secret(b"16 bytes at least", tmp_path / "secret"), where="config.yaml")
        plan = grounded(plan, plan.episodes, print)
        specs = [
            plan.spec(each, attempt=0, directory=tmp_path / "run", owner="public") for each in plan.episodes
        ]
        boxes = DockerBoxes(engine, image=image)

        async def all_of_them() -> list[LedgerLine]:
            return list(await asyncio.gather(*(run_attempt(spec, boxes) for spec in specs)))

        return by_name(asyncio.run(all_of_them()))

    return run
