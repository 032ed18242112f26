"""The episode image: built once from ``docker/``, named by the hash of what goes into it.

``python -m sandbox.engine.image`` makes it if it is not there.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sandbox.assets import image_dir
from sandbox.canonical import digest, sha256
from sandbox.engine.container import Engine
from sandbox.engine.context import context_of
from sandbox.errors import Mistake, TidegaugeError
from sandbox.files import FileSpec, read_tree

PUBLIC_BASE: Final = "debian:bookworm-slim"
_OWN_BASE: Final = "tidegauge/base:bookworm"
_DOCKERFILE: Final = "episode.Dockerfile"
#: Most of it goes into fetching packages.
_BUILD_SECONDS: Final = 900.0

Say = Callable[[str], None]


def _inputs() -> list[FileSpec]:
    return [f for f in read_tree(image_dir()) if f.path == _DOCKERFILE or f.path.startswith("runner/")]


def image_name() -> str:
    """``tidegauge/episode:<hash>``, the hash over the Dockerfile and what it copies."""
    return f"tidegauge/episode:{digest([[file.path, sha256(file.content)] for file in _inputs()])[:12]}"


def require_image(engine: Engine) -> str:
    """The id of the episode image.

    Raises:
        Mistake: it has not been built.
    """
    name = image_name()
    found = engine.image_id(name)
    if found is None:
        raise Mistake(
            f"the episode image {name} is not there",
            where="container engine",
            remedy="run `make image`, or python -m sandbox.engine.image",
        )
    return found


def build_image(engine: Engine, say: Say) -> str:
    """Builds the episode image, and its base where no registry gives one; returns its name.

    Raises:
        EngineFault: a step of the build failed.
        Mistake: the base image cannot be made here; the text says what to do.
    """
    name = image_name()
    if engine.image_id(name) is not None:
        return name
    began = time.monotonic()
    base = base_image(engine, say)
    say(f"building {name} on {base} (some 45 s the first time)")
    inputs = _inputs()
    # The image's files must not depend on this checkout's umask.
    modes = {file.path: file.mode for file in inputs}
    context = context_of({file.path: file.content for file in inputs}, modes=modes)
    engine.images.build(
        context,
        name,
        dockerfile=_DOCKERFILE,
        network=True,
        seconds=_BUILD_SECONDS,
        arguments={"BASE": base},
        say=say,
    )
    say(f"built {name} in {time.monotonic() - began:.0f} s")
    return name


def base_image(engine: Engine, say: Say) -> str:
    """The name of a plain Debian on this engine, pulled or made of Debian's packages where it is not there.

    Raises:
        EngineFault: the engine does not take it.
        Mistake: it cannot be made here; the text says what to do.
    """
    for name in (PUBLIC_BASE, _OWN_BASE):
        if engine.image_id(name) is not None:
            return name
    say(f"pulling {PUBLIC_BASE}")
    if engine.pull(PUBLIC_BASE):
        return PUBLIC_BASE
    say("no container registry gives it")
    with tempfile.TemporaryDirectory() as work:
        tar = Path(work) / "base.tar"
        bash = shutil.which("bash") or "/bin/bash"
        made = subprocess.run([bash, str(image_dir() / "base.sh"), str(tar)], check=False)
        if made.returncode != 0:
            raise Mistake(
                "the base image could not be made", where="docker/base.sh", remedy="see the lines above"
            )
        engine.import_tar(tar, _OWN_BASE)
    return _OWN_BASE


def main() -> int:
    """Builds the image and says so on standard error."""

    def say(text: str) -> None:
        print(f"tidegauge: {text}", file=sys.stderr, flush=True)

    try:
        print(build_image(Engine(), say))
    except TidegaugeError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
