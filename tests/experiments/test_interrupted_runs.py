"""A run that is interrupted, on the real engine and a real Ray: nothing is lost, doubled or left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.container import Engine

TIDEGAUGE = str(Path(sys.executable).with_name("tidegauge"))
EPISODES = 6
CONFIG = f"""
suite: interrupted
models:
  - family: script
    provider: scripted
    script: agent.yaml
tasks: [selfmod/scaffold@L0]
repeats: {EPISODES}
policy: quickstart
"""
AGENT = """
turns:
  - "```bash\\nsleep 2\\n```"
  - "```bash\\nsubmit\\n```"
"""


class Project:
    """A directory with a config, runs of its own and a secret of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "config.yaml").write_text(CONFIG)
        (directory / "agent.yaml").write_text(AGENT)
        self._environment = {**os.environ, "XDG_CONFIG_HOME": str(directory / "home")}

    def start(self) -> subprocess.Popen[bytes]:
        """The command of a user, in a session of its own."""
        command = [TIDEGAUGE, "run", "config.yaml", "--json"]
        return subprocess.Popen(
            command, cwd=self.directory, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=(self.directory / "progress.txt").open("ab"), start_new_session=True,
        )  # fmt: skip

    def call(self, *arguments: str) -> int:
        """Exit code of another command."""
        command = [TIDEGAUGE, *arguments]
        return subprocess.run(command, cwd=self.directory, env=self._environment, check=False).returncode

    @property
    def run(self) -> Path:
        return next((self.directory / "runs").glob("interrupted-*"))

    def ledger(self) -> list[dict[str, object]]:
        files = list((self.directory / "runs").glob("interrupted-*/ledger.jsonl"))
        return [json.loads(line) for line in files[0].read_text().splitlines()] if files else []


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


@pytest.mark.box
@pytest.mark.timeout(240)
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_a_run_interrupted_in_mid_episode_and_run_again_has_one_result_for_each_episode_and_leaves_no_container(
    blow: signal.Signals, tmp_path: Path, engine: Engine, image: str
) -> None:
    project = Project(tmp_path)
    driver = project.start()
    # One episode has ended, so others are in the middle of theirs.
    wait_until(lambda: len(project.ledger()) >= 1, 90)
    owner = next(
        line for line in (project.run / "experiment.yaml").read_text().splitlines() if line.startswith("id:")
    )
    owner = owner.split()[1]
    assert engine.owned(owner)
    driver.send_signal(blow)
    assert driver.wait(60) == (130 if blow == signal.SIGINT else -signal.SIGKILL)
    # Even a driver that had no time to clean up leaves no box: the runner ends when its host does.
    wait_until(lambda: not engine.owned(owner), 60)
    before = len(project.ledger())
    assert before < EPISODES

    again = project.start()
    printed, _ = again.communicate(timeout=120)
    assert again.returncode == 0
    result = json.loads(printed)
    assert (result["episodes"], result["lost"], result["pending"]) == ({"completed": EPISODES}, 0, 0)
    episodes = [line["episode"] for line in project.ledger() if line["status"] != "infrastructure"]
    assert len(episodes) == len(set(episodes)) == EPISODES
    assert engine.owned(owner) == {}
    assert project.call("verify", project.run.name) == 0
    assert project.call("rescan", project.run.name) == 0
