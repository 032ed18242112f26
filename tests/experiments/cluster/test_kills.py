"""What can die under a run is killed in turn, and every episode still has exactly one result."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.box
@pytest.mark.timeout(400)
@pytest.mark.usefixtures("image")
def test_after_every_kill_each_episode_has_one_result_and_no_container_is_left(
    benchmarks: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, str(benchmarks / "kills.py"), "--episodes=12", "--kills=container,worker,runner,driver"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("killed: ") == 4
    assert done.stdout.splitlines()[-1] == "every episode has exactly one result"
