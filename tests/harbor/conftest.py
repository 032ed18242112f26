"""Small public tasks, written as people write them for Harbor."""

from collections.abc import Callable
from pathlib import Path

import pytest

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

MakeTask = Callable[..., Path]


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
