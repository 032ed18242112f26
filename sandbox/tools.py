"""The volume from which a box that stands on somebody else's image has its runner and a Python for it."""

from typing import Final

from sandbox.assets import image_dir
from sandbox.canonical import digest, sha256
from sandbox.container import Engine
from sandbox.ground import TOOLS
from sandbox.image import require_image
from sandbox.images import context_of

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
    name = f"tidegauge/tools:{mark}"
    if engine.image_id(name) is None:
        engine.images.build(
            context_of(inputs), name, dockerfile=_DOCKERFILE, network=False, seconds=_BUILD_SECONDS,
            arguments={"BASE": base},
        )  # fmt: skip
    volume = f"tidegauge-tools-{mark}"
    engine.images.volume(volume, name, TOOLS)
    return volume
