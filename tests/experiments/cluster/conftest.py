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
    sleep 1; cat /proc/[0-9]*/environ | tr '\\0' '\\n'
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


def comm(pid: int) -> str:
    """The name of a process's program."""
    return Path(f"/proc/{pid}/comm").read_text().strip()


def memory(pid: int) -> bytes:
    """What a process can write to, but for its stack."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            addresses, access, *rest = line.split()
            if access.startswith("rw") and rest[-1] != "[stack]":
                start, end = (int(address, 16) for address in addresses.split("-"))
                memory.seek(start)
                found.append(memory.read(end - start))
    return b"".join(found)


raynode = load("raynode")
#: The variable of a served model's key, as every node has it but one that a test starts without.
KEY_VARIABLE, KEY = "SERVED_KEY", "sk-0123456789-CLUSTER"


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

    def node(self, name: str, before: list[str], *, without: str = "") -> Any:
        """One more node; its environment lacks the variable ``without``."""
        environment = {key: value for key, value in self.environment.items() if key != without}
        return raynode.RayNode(name, [f"--address={self.address}"], environment, before=before).wait()

    def driver(
        self, *options: str, runs: Path | None = None, command: str = "run"
    ) -> "subprocess.Popen[str]":
        """``tidegauge run``, or another command, on this cluster, unless an option says otherwise."""
        arguments = [
            str(raynode.BIN / "tidegauge"), command, str(self.directory / "config.yaml"), "--runs",
            str(runs or self.runs), "--json", "--set", f"ray.address={self.address}", *options,
        ]  # fmt: skip
        return subprocess.Popen(
            arguments, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *options: str, runs: Path | None = None, command: str = "run") -> tuple[int, str, str]:
        """The driver to its end: exit code, standard output, standard error."""
        driver = self.driver(*options, runs=runs, command=command)
        try:
            out, error = driver.communicate(timeout=280)
        finally:
            driver.kill()
        return driver.returncode, out, error

    def memory(self, program: str) -> bytes:
        """What a program of the head has in its memory, but for its stack, where its environment lies."""
        (pid,) = (pid for pid in self.head.processes() if comm(pid) == program)
        return memory(pid)

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
        "suite": "cluster", "tasks": ["ml/tab@L0"], "repeats": 2, "policy": "quickstart", "retries": 3,
        "models": [{"family": "script", "provider": "scripted", "script": "agent.yaml",
                    "checkpoints": [{"name": "a", "step": 0}, {"name": "b", "step": 1}]}],
        "tracking": {"uri": "nothing://there"},
    }  # fmt: skip
    (directory / "config.yaml").write_text(json.dumps(config))
    (directory / "secret").write_text("0123456789abcdef" * 4)
    environment = raynode.cluster_environment(
        TIDEGAUGE_SECRET_FILE=str(directory / "secret"), **{KEY_VARIABLE: KEY}
    )
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
