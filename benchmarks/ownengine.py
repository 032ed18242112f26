"""A container engine of a benchmark's own, which may be killed: its own socket, data and image. Needs root.

    .venv/bin/python benchmarks/ownengine.py [ENGINE OPTION]... -- COMMAND

Runs a command with such an engine, as in `ownengine.py --userns-remap=default -- .venv/bin/tidegauge selftest`; some 30 s
for the image go before it.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker

from sandbox.engine.image import image_name

AWAY_SECONDS = 5.0
WAIT_SECONDS = 600.0


class PrivateEngine:
    """A container engine of this script's own."""

    def __init__(self, directory: Path, *options: str) -> None:
        """``options``: what it is told beside, such as ``--userns-remap=default``."""
        self._directory = directory
        directory.chmod(0o711)  # an engine of remapped users works as one of them
        self.url = f"unix://{directory}/d.sock"
        self._command = [
            # In a network of its own: with --bridge=none an engine takes away the bridge of the user's.
            "unshare", "--net", "dockerd", f"--host={self.url}", f"--data-root={directory}/data", f"--exec-root={directory}/exec",
            f"--pidfile={directory}/pid", "--bridge=none", "--iptables=false", "--ip6tables=false",
            *options,
        ]  # fmt: skip
        self._log = (directory / "log").open("wb")
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log, start_new_session=True)
        wait_for("the engine of its own", lambda: client(self.url) is not None or process.poll() is not None)
        if process.poll() is not None:
            raise RuntimeError(f"the engine of its own ended: {Path(self._log.name).read_text()[-500:]}")
        return process

    def load(self, image: str) -> float:
        """Copies an image from the user's engine; seconds it took."""
        began = time.monotonic()
        client(self.url).load_image(docker.APIClient(timeout=300).get_image(image))
        return time.monotonic() - began

    def crash(self) -> None:
        """Dies, and is back after a while."""
        self._process.kill()
        self._process.wait()
        time.sleep(AWAY_SECONDS)
        self._process = self._start()

    def stop(self) -> None:
        """Ends, with all its containers, and with what the crash left of it: shims and a mount."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(60)
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if f"{self._directory}/exec".encode() in path.read_bytes():
                    os.kill(int(path.parent.name), signal.SIGKILL)
        subprocess.run(["umount", str(self._directory / "data")], check=False, stderr=subprocess.DEVNULL)
        self._log.close()


def client(url: str | None) -> Any:
    """A connection to an engine, or None if it does not answer."""
    try:
        connection = docker.APIClient(base_url=url, timeout=300)
        connection.ping()
    except docker.errors.DockerException:
        return None
    return connection


def wait_for(what: str, true: Callable[[], bool]) -> None:
    """Returns when ``true`` gives True."""
    until = time.monotonic() + WAIT_SECONDS
    while not true():
        if time.monotonic() > until:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.1)


def main() -> int:
    """Runs a command with an engine of its own; its exit code."""
    if "--" not in sys.argv:
        raise SystemExit("write: ownengine.py [ENGINE OPTION]... -- COMMAND")
    dashes = sys.argv.index("--")
    options, command = sys.argv[1:dashes], sys.argv[dashes + 1 :]
    with tempfile.TemporaryDirectory(prefix="tidegauge-engine-") as directory:
        engine = PrivateEngine(Path(directory), *options)
        try:
            engine.load(image_name())
            return subprocess.run(
                command, env=os.environ | {"DOCKER_HOST": engine.url}, check=False
            ).returncode
        finally:
            engine.stop()


if __name__ == "__main__":
    sys.exit(main())
