"""A Ray node as real processes on this machine, to be killed: for tests and benchmarks of clusters."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

#: Of the interpreter that runs this: `ray` and `tidegauge` lie there.
BIN = Path(sys.executable).parent
START_SECONDS = 120.0
TOKEN = "0123456789abcdef0123456789abcdef-loopback"


def free_port() -> int:
    """A port that nothing listens on now."""
    while True:
        # Below those that the kernel hands out to whoever asks for any: nobody comes by it meanwhile.
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port := 10_000 + secrets.randbelow(20_000)))
            return port


def cluster_environment(**changes: str) -> dict[str, str]:
    """The environment of all of a test cluster's processes: with a token, and soon sure of a death."""
    return os.environ | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_task_oom_retries": "0",
        # As docs/ray.md asks: Ray's client server may otherwise break the processes that it forks.
        "GRPC_ENABLE_FORK_SUPPORT": "0",
        "RAY_health_check_initial_delay_ms": "1000",
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_failure_threshold": "3",
        **changes,
    }  # fmt: skip


def descendants(pid: int) -> list[int]:
    """Every living process under ``pid``, nearest first."""
    parents: dict[int, int] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            with contextlib.suppress(OSError):
                parents[int(path.name)] = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found[1:]


class RayNode:
    """One node, head or not, with its own slots for episodes."""

    #: Of a head: where Ray keeps its sessions, with their logs.
    sessions: Path | None = None

    def __init__(
        self,
        name: str,
        options: Sequence[str],
        environment: Mapping[str, str],
        *,
        slots: int = 2,
        before: Sequence[str] = (),
    ) -> None:
        """
        Args:
            name: the node's name.
            options: of ``ray start``.
            environment: of its processes.
            slots: episodes at a time; 0 is no container host.
            before: a command that runs ``ray start`` as its arguments.
        """
        self.log = Path(tempfile.mkstemp(prefix=f"ray-{name}-", suffix=".log")[1])
        resources = [f'--resources={{"sandbox": {slots}}}'] if slots else []
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *before, str(BIN / "ray"), "start", "--block", f"--node-name={name}", "--num-cpus=1",
                    "--node-ip-address=127.0.0.1", "--min-worker-port=0", "--max-worker-port=0",
                    "--dashboard-agent-listen-port=0", "--object-store-memory=80000000", *resources, *options,
                ],
                env=dict(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def wait(self) -> Self:
        """Returns when the node belongs to its cluster."""
        until = time.monotonic() + START_SECONDS
        while b"--block" not in self.log.read_bytes():
            if self._process.poll() is not None or time.monotonic() > until:
                said = self.log.read_text()
                self.kill()
                raise RuntimeError(f"the node did not start:\n{said}")
            time.sleep(0.1)
        return self

    def processes(self) -> list[int]:
        """The node's processes."""
        return [self._process.pid, *descendants(self._process.pid)]

    def kill(self) -> None:
        """Ends all of the node at once, as a power cut does."""
        # A number that was waited for may be another process's by now.
        for pid in self.processes() if self._process.poll() is None else []:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self.log.unlink(missing_ok=True)


@contextlib.contextmanager
def ray_head(
    environment: Mapping[str, str], *, slots: int = 2, options: Sequence[str] = ()
) -> Iterator[tuple[RayNode, str]]:
    """A cluster of one node and its address; killed at the end."""
    port = free_port()
    # Short: the paths of Ray's sockets may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as directory:
        head = RayNode(
            "first",
            ["--head", f"--port={port}", f"--temp-dir={directory}", *options],
            environment,
            slots=slots,
        )
        head.sessions = Path(directory)
        try:
            yield head.wait(), f"127.0.0.1:{port}"
        finally:
            head.kill()
