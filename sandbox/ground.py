"""The ground that a box stands on where it is not the episode image: somebody else's image, with a root that the
agent may write.

Everything of such a box is as of any other but this: its root is an overlay that only a look from outside bounds;
its agent is whom the image says, root too, with the few capabilities that files and users need; and the runner
with its Python comes from a read-only volume, since nothing in the image can be relied on.
"""

from dataclasses import dataclass
from typing import Final

#: Where the runner and its Python lie.
TOOLS: Final = "/opt/tidegauge"
#: Starts that Python in any root: its own loader, told where its own libraries are.
PYTHON: Final = (
    f"{TOOLS}/python/ld.so", "--library-path", f"{TOOLS}/python/lib", f"{TOOLS}/python/bin/python3",
)  # fmt: skip
_CACHE: Final = ("-X", f"pycache_prefix={TOOLS}/pycache")
#: The cause by which an attempt fails whose image is not there.
ENVIRONMENT: Final = "environment"
#: Starts the runner.
ENTRYPOINT: Final = (*PYTHON, "-ISB", *_CACHE, TOOLS)
#: Starts the scaffold as ``scaffold.PROGRAM`` does elsewhere.
PROGRAM: Final = (*PYTHON, "-sEB", *_CACHE, "/agent/main.py")


@dataclass(frozen=True, slots=True)
class Ground:
    """An image and who works on it."""

    #: Id of the image.
    image: str
    #: Name of the volume with the runner and its Python.
    tools: str
    #: User and group id of who works in the box; 0 is root.
    user: int
    group: int
    #: Where programs start.
    directory: str
    #: What programs find in their environment, as pairs.
    environment: tuple[tuple[str, str], ...]
    #: Why there is no such image; None where there is.
    missing: str | None = None

    @property
    def isolation(self) -> str:
        """What a result says of it besides the runtime's isolation."""
        return "writable root, agent is root" if self.user == 0 else "writable root"
