"""A Ray cluster on loopback: two nodes as real processes, each a container host with slots of its own."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
#: Slow enough to be killed while it runs; prints what a box must not know.
AGENT = """
turns:
  - |
    ```bash
    sleep 3; cat /proc/[0-9]*/environ | tr '\\0' '\\n'
    ```
  - |
    ```bash
    submit
    ```
"""


def load(name: str) -> ModuleType:
    """A script of benchmarks/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


raynode = load("raynode")


@dataclass
class Cluster:
    """Two nodes, their addresses, and a place of the test's own."""

    head: Any
    second: Any
    address: str
    client: str
    jobs: str
    directory: Path
    environment: dict[str, str]

    @property
    def runs(self) -> Path:
        return self.directory / "runs"

    def node(self, name: str, before: list[str]) -> Any:
        """One more node."""
        return raynode.RayNode(name, [f"--address={self.address}"], self.environment, before=before).wait()

    def driver(self, *options: str) -> "subprocess.Popen[str]":
        """``tidegauge run`` on this cluster, unless an option says otherwise."""
        command = [
            str(raynode.BIN / "tidegauge"), "run", str(self.directory / "config.yaml"), "--runs", str(self.runs),
            "--json", "--set", f"ray.address={self.address}", *options,
        ]  # fmt: skip
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *options: str) -> tuple[int, str, str]:
        """The driver to its end: exit code, standard output, standard error."""
        driver = self.driver(*options)
        try:
            out, error = driver.communicate(timeout=150)
        finally:
            driver.kill()
        return driver.returncode, out, error

    def document(self, *options: str) -> dict[str, Any]:
        """What a driver that succeeds prints."""
        code, out, error = self.run(*options)
        assert code == 0, error
        parsed: dict[str, Any] = json.loads(out)
        return parsed


@pytest.fixture
def benchmarks() -> Path:
    """The directory of the scripts."""
    return ROOT / "benchmarks"


@pytest.fixture(scope="module")
def cluster(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster, with a config that runs on it."""
    directory = tmp_path_factory.mktemp("cluster")
    (directory / "agent.yaml").write_text(AGENT)
    config = {
        "suite": "cluster", "tasks": ["ml/tab@L0"], "repeats": 4, "policy": "quickstart", "retries": 3,
        "models": [{"family": "script", "provider": "scripted", "script": "agent.yaml",
                    "checkpoints": [{"name": "a", "step": 0}, {"name": "b", "step": 1}]}],
        "tracking": {"uri": "nothing://there"},
    }  # fmt: skip
    (directory / "config.yaml").write_text(json.dumps(config))
    (directory / "secret").write_text("0123456789abcdef" * 4)
    environment = raynode.cluster_environment(TIDEGAUGE_SECRET_FILE=str(directory / "secret"))
    client, jobs = raynode.free_port(), raynode.free_port()
    options = [f"--ray-client-server-port={client}", f"--dashboard-port={jobs}"]
    with raynode.ray_head(environment, options=options) as (head, address):
        second = raynode.RayNode("second", [f"--address={address}"], environment).wait()
        try:
            yield Cluster(
                head, second, address, f"ray://127.0.0.1:{client}", f"http://127.0.0.1:{jobs}", directory,
                environment,
            )  # fmt: skip
        finally:
            second.kill()
