"""The test image with public clients of the door. Boxes have no network, so the host fetches the packages.

    .venv/bin/python tests/clients/image.py

Says the image's name, and builds it first if it is not there (about 1 minute).
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from sandbox.canonical import digest
from sandbox.engine.container import Engine
from sandbox.engine.image import image_name, require_image
from tasks.harbor.tree import context

HERE: Final = Path(__file__).parent
_PINNED: Final = HERE / "requirements.txt"
_DOCKERFILE: Final = "clients.Dockerfile"
_FETCH_SECONDS: Final = 300


class Unfetched(Exception):
    """The packages cannot be had here; its text says why."""


def clients_image(engine: Engine) -> str:
    """The image's id.

    Raises:
        Unfetched: no package registry gives the packages.
        TidegaugeError: the episode image is missing, or the build failed.
    """
    require_image(engine)
    inputs = [(HERE / name).read_text() for name in (_PINNED.name, _DOCKERFILE)]
    name = f"tidegauge/clients:{digest([image_name(), *inputs])[:12]}"
    if (found := engine.image_id(name)) is not None:
        return found
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        shutil.copy(HERE / _DOCKERFILE, root)
        _fetch(root / "packages")
        with context(root, root, {}, {}) as tar:
            engine.images.build(
                tar,
                name,
                dockerfile=_DOCKERFILE,
                network=False,
                seconds=_FETCH_SECONDS,
                arguments={"BASE": image_name()},
            )
    return engine.image_id(name) or name


def _fetch(target: Path) -> None:
    """Installs the pinned packages for the box's Python, from wheels only: nothing of theirs runs here."""
    wanted = ["--python-version", "3.11", "--only-binary", ":all:", "--target", str(target)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", *wanted, "-r", str(_PINNED)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Unfetched(f"the packages did not come within {_FETCH_SECONDS} s") from None
    if done.returncode != 0:
        raise Unfetched(done.stderr.strip().rsplit("\n", 1)[-1][:200])


if __name__ == "__main__":
    print(clients_image(Engine()))
