"""Everything that can die, killed in turn under a run; then the books are checked.

    .venv/bin/python benchmarks/kills.py [--episodes 144] [--kills container,worker,runner,engine,driver]

A cluster of one node runs short episodes of ml/tab. Killed in turn: a container (as `docker kill`), the
runner's process (SIGKILL), the runner actor (through Ray), the container engine (SIGKILL, back after
5 s), the driver (SIGKILL, started again). As root the engine is one of this script's own, with its own
socket, data and image; without root the user's engine serves and is not killed. Exits 0 if every
episode has exactly one result, all are `completed`, `tidegauge verify` holds and no container is left.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
from ownengine import PrivateEngine, client, wait_for
from raynode import BIN, RayNode, cluster_environment, ray_head

from experiments.record.rundir import list_runs, read_experiment
from sandbox.engine.image import image_name

KILLS = ("container", "worker", "runner", "engine", "driver")
AGENT = json.dumps({"turns": ["```bash\nsleep 1\n```", "```bash\nsubmit\n```"]})
#: In a process of its own: this script's connection must not be the run's.
KILL_ACTOR = """
import ray
ray.init("{address}", namespace="tidegauge", log_to_driver=False, logging_level="ERROR")
for name in ray.util.list_named_actors():
    ray.kill(ray.get_actor(name), no_restart=False)
"""


class Matrix:
    """One run and everything that can be killed under it."""

    def __init__(
        self,
        directory: Path,
        environment: dict[str, str],
        address: str,
        head: RayNode,
        engine: PrivateEngine | None,
    ) -> None:
        self._directory, self.environment = directory, environment
        self._address, self._head, self._engine = address, head, engine
        self.runs = directory / "runs"
        self._log = (directory / "driver.log").open("wb")
        self._driver = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [
            str(BIN / "tidegauge"),
            "run",
            str(self._directory / "config.yaml"),
            "--runs",
            str(self.runs),
        ]
        return subprocess.Popen(command, env=self.environment, stdout=self._log, stderr=self._log)

    @property
    def run(self) -> Path:
        """The run directory."""
        return list_runs(self.runs)[0]

    def lines(self) -> list[dict[str, Any]]:
        """The ledger so far."""
        if (
            not self.runs.is_dir()
            or not (found := list_runs(self.runs))
            or not (found[0] / "ledger.jsonl").exists()
        ):
            return []
        text = (found[0] / "ledger.jsonl").read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def results(self) -> int:
        """Episodes that have a result."""
        return sum(line["status"] != "infrastructure" for line in self.lines())

    def containers(self) -> list[str]:
        """The run's containers."""
        owner = read_experiment(self.run).id
        found = client(self.environment.get("DOCKER_HOST")).containers(
            all=True, filters={"label": f"tidegauge.owner={owner}"}
        )
        return [item["Id"] for item in found]

    def _runners(self) -> list[int]:
        def named(pid: int) -> bool:
            with suppress(OSError):
                return b"EpisodeRunner" in Path(f"/proc/{pid}/cmdline").read_bytes()
            return False

        return [pid for pid in self._head.processes() if named(pid)]

    def kill(self, what: str) -> None:
        """Kills one of ``KILLS``, as soon as it is there."""
        match what:
            case "container":
                wait_for("a container", self._killed_container)
            case "worker":
                wait_for("the runner's process", lambda: bool(self._runners()))
                os.kill(self._runners()[0], signal.SIGKILL)
            case "runner":
                code = KILL_ACTOR.format(address=self._address)
                subprocess.run([sys.executable, "-c", code], env=self.environment, check=True)
            case "engine" if self._engine is not None:
                self._engine.crash()
            case "driver":
                self._driver.kill()
                self._driver.wait()
                self._driver = self._start()

    def _killed_container(self) -> bool:
        for container in self.containers():
            with suppress(docker.errors.APIError):
                client(self.environment.get("DOCKER_HOST")).kill(container)
                return True
        return False

    def finish(self) -> int:
        """The driver's exit code, run again if episodes were given up."""
        code = self._driver.wait()
        if code == 4:
            self._driver = self._start()
            code = self._driver.wait()
        self._log.close()
        return code


def check(matrix: Matrix, code: int, episodes: int) -> bool:
    """Prints the books and says whether they are right."""
    lines = matrix.lines()
    results = Counter(line["episode"] for line in lines if line["status"] != "infrastructure")
    statuses = Counter(line["status"] for line in lines)
    causes = Counter(line["cause"] for line in lines if line["status"] == "infrastructure")
    attempts = sum(1 for _ in (matrix.run / "episodes").glob("*/*/"))
    verified = subprocess.run(
        [str(BIN / "tidegauge"), "verify", str(matrix.run)], env=matrix.environment, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    left = len(matrix.containers())
    print(f"exit code of the last driver   {code}")
    print(f"episodes with a result         {len(results)} of {episodes}")
    print(f"episodes with two results      {sum(count > 1 for count in results.values())}")
    print(f"ledger lines by status         {dict(sorted(statuses.items()))}")
    for cause, count in sorted(causes.items()):
        print(f"  infrastructure               {count} x {cause}")
    print(f"attempts abandoned             {attempts - len(lines)}")
    print(f"containers left                {left}")
    print(
        f"verify                         {verified.stdout.strip().splitlines()[0] if verified.stdout else ''}"
    )
    right = (code, len(results), left, verified.returncode) == (0, episodes, 0, 0)
    return right and set(results.values()) == {1} and set(statuses) <= {"completed", "infrastructure"}


@contextmanager
def own_engine(directory: Path, kills: list[str]) -> Iterator[PrivateEngine | None]:
    """An engine to be killed, if one is to be."""
    if "engine" not in kills:
        yield None
        return
    engine = PrivateEngine(directory)
    try:
        print(f"image into an engine of its own {engine.load(image_name()):.0f} s")
        yield engine
    finally:
        engine.stop()


def main() -> int:
    """Runs, kills, checks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--episodes", type=int, default=144)
    parser.add_argument("--kills", default=",".join(KILLS))
    asked = parser.parse_args()
    kills = [what for what in asked.kills.split(",") if what != "engine" or os.geteuid() == 0]
    with tempfile.TemporaryDirectory(prefix="k", dir="/tmp", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        (directory / "agent.yaml").write_text(AGENT)
        (directory / "secret").write_text("0123456789abcdef" * 4)
        with own_engine(directory, kills) as engine:
            place = {} if engine is None else {"DOCKER_HOST": engine.url}
            environment = cluster_environment(TIDEGAUGE_SECRET_FILE=str(directory / "secret"), **place)
            with ray_head(environment, slots=4, options=["--include-dashboard=false"]) as (head, address):
                write_config(directory, address, asked.episodes)
                matrix = Matrix(directory, environment, address, head, engine)
                began = time.monotonic()
                for number, what in enumerate(kills, 1):
                    wait_for(
                        "results", lambda n=number: matrix.results() >= n * asked.episodes // (len(kills) + 2)
                    )
                    print(
                        f"{time.monotonic() - began:6.1f} s  {matrix.results():4} results  killed: {what}",
                        flush=True,
                    )
                    matrix.kill(what)
                code = matrix.finish()
                print(f"{time.monotonic() - began:6.1f} s  the last driver ended")
                right = check(matrix, code, asked.episodes)
                if not right:
                    print((directory / "driver.log").read_text(), file=sys.stderr)
    print("every episode has exactly one result" if right else "THE BOOKS ARE WRONG")
    return 0 if right else 1


def write_config(directory: Path, address: str, episodes: int) -> None:
    """Two checkpoints of one scripted agent."""
    config = {
        "suite": "kills", "tasks": ["ml/tab@L0"], "repeats": episodes // 2, "retries": 4, "policy": "quickstart",
        "models": [{"family": "script", "provider": "scripted", "script": "agent.yaml",
                    "checkpoints": [{"name": "a", "step": 0}, {"name": "b", "step": 1}]}],
        "tracking": {"uri": "nothing://there"}, "ray": {"address": address},
    }  # fmt: skip
    (directory / "config.yaml").write_text(json.dumps(config))


if __name__ == "__main__":
    sys.exit(main())
