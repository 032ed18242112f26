"""Whether a container runtime carries a box here: one is started, and one request passes through its door.

Trying a runtime can hang, so it happens in a process of its own (``python -Im sandbox.engine.runtimes IMAGE RUNTIME``)
that is killed when its time is up.
"""

import asyncio
import subprocess
import sys
from typing import Final

from sandbox.box import BoxRequest
from sandbox.door.budget import Budget
from sandbox.door.door import Door
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.errors import TidegaugeError
from sandbox.limits import Limits
from sandbox.sockets import own_directory

#: Seconds until a runtime that does not answer is given up.
SECONDS: Final = 45.0
#: A door without a model answers 404: that it answers is what counts.
_ASK: Final = """
import http.client
line = http.client.HTTPConnection("127.0.0.1", 8000, timeout=10)
line.request("GET", "/v1/models")
line.getresponse()
"""


def refusal(image: str, runtime: str, seconds: float = SECONDS) -> str | None:
    """Why a runtime does not carry a box of ``image``, in a line; None if it does."""
    command = [sys.executable, "-Im", "sandbox.engine.runtimes", image, runtime]
    try:
        # At the end of its time the child is killed, not asked: what hangs may not hear.
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return f"a box did not answer within {seconds:.0f} s"
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [f"the trial ended with {done.returncode}"])[-1]


async def _tried(image: str, runtime: str) -> str | None:
    boxes = DockerBoxes(Engine(), image=image, runtime=runtime)
    name = f"tidegauge-runtime-{own_directory().name}"
    asked = BoxRequest(name, Limits(), True, {"owner": name}, SECONDS)
    async with boxes.open(asked) as box, Door(box.door, None, (), Budget(1, 1), lambda *_: None):
        done = await box.run(["python3", "-c", _ASK], cwd="/work", env={}, output=10_000, timeout=30)
    if done.code == 0:
        return None
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    return f"no request passed through the door: {''.join(said)}"


def main(image: str, runtime: str) -> int:
    """Exit 0, or 1 with the reason as the last line of standard error."""
    try:
        reason = asyncio.run(_tried(image, runtime))
    except (TidegaugeError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
    if reason is not None:
        print(" ".join(reason.split()), file=sys.stderr)
    return 0 if reason is None else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
