"""The volume from which a box that stands on somebody else's image has its runner and a Python for it."""

import fcntl
from collections.abc import Callable
from typing import Final

from sandbox.assets import image_dir
from sandbox.canonical import digest, sha256
from sandbox.engine.container import Engine
from sandbox.engine.context import context_of
from sandbox.engine.image import require_image
from sandbox.engine.images import Images
from sandbox.ground import TOOLS
from sandbox.sockets import shared_directory

_DOCKERFILE: Final = "ground/tools.Dockerfile"
_SCRIPT: Final = "ground/tools.sh"
#: The image is there, and so is all that it takes.
_BUILD_SECONDS: Final = 300.0


def require_tools(engine: Engine) -> str:
    """The name of that volume, made of the episode image where it is not there.

    Raises:
        EngineFault: it cannot be made.
        Mistake: the episode image has not been built.
    """
    base = require_image(engine)
    inputs = {path: (image_dir() / path).read_bytes() for path in (_DOCKERFILE, _SCRIPT)}
    mark = digest([base, [[path, sha256(content)] for path, content in inputs.items()]])[:12]

    def build(name: str) -> None:
        engine.images.build(
            context_of(inputs), name, dockerfile=_DOCKERFILE, network=False, seconds=_BUILD_SECONDS,
            arguments={"BASE": base},
        )  # fmt: skip

    volume = f"tidegauge-tools-{mark}"
    lay_out(engine.images, f"tidegauge/tools:{mark}", volume, TOOLS, build)
    return volume


def lay_out(images: Images, image: str, volume: str, path: str, build: Callable[[str], None]) -> None:
    """Fills ``volume`` with what an image has at ``path``, unless it is filled; one process at a time.

    The image has its name only once the volume is filled: whoever dies before leaves nothing that looks whole.

    Args:
        images: of the engine.
        image: the name.
        volume: its name.
        path: in the image.
        build: makes the image under the name that it is given.

    Raises:
        EngineFault: it cannot be made.
    """
    with (shared_directory() / volume).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if images.exists(image) and images.has_volume(volume):
            return
        images.remove(image)
        unfinished = f"{image}-unfinished"
        build(unfinished)
        images.fill(volume, unfinished, path)
        images.name(unfinished, image)
        images.remove(unfinished)
