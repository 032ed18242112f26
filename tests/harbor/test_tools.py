"""The volume with the runner's Python is whole or is not there, whoever makes it and whoever died making it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.engine.container import Engine
from sandbox.engine.context import context_of
from sandbox.engine.image import base_image
from sandbox.engine.tools import lay_out

pytestmark = pytest.mark.box

NAMES = ("tidegauge/check-tools:whole", "tidegauge-check-tools")


@pytest.fixture
def build(engine: Engine) -> Iterator[Callable[[str], None]]:
    """Builds an image with two files in /kept."""
    base = base_image(engine, print)
    files = {"Dockerfile": b"ARG BASE\nFROM ${BASE}\nCOPY kept/ /kept/\n", "kept/a": b"1", "kept/b": b"2"}

    def make(name: str) -> None:
        engine.images.build(
            context_of(files),
            name,
            dockerfile="Dockerfile",
            network=False,
            seconds=60,
            arguments={"BASE": base},
        )

    yield make
    image, volume = NAMES
    engine.images.remove(image)
    engine.images.drop(volume)


def holds(engine: Engine, path: str) -> str | None:
    """What the volume has at ``path``."""
    image, volume = NAMES
    with engine.images.opened(image, {volume: "/seen"}) as looked:
        return engine.images.text(looked, f"/seen/{path}")


def test_of_two_that_make_it_at_once_one_waits_for_the_other(
    engine: Engine, build: Callable[[str], None]
) -> None:
    built = []

    def slowly(name: str) -> None:
        built.append(name)
        build(name)
        time.sleep(0.3)

    with ThreadPoolExecutor(2) as makers:
        both = [makers.submit(lay_out, engine.images, *NAMES, "/kept", slowly) for _ in range(2)]
    assert [one.result() for one in both] == [None, None]
    assert built == ["tidegauge/check-tools:whole-unfinished"]
    assert (holds(engine, "a"), holds(engine, "b")) == ("1", "2")


def test_what_one_that_died_left_half_filled_is_made_anew(
    engine: Engine, build: Callable[[str], None]
) -> None:
    image, volume = NAMES
    build(f"{image}-unfinished")
    engine.images.fill(volume, f"{image}-unfinished", "/mnt")  # which is empty
    lay_out(engine.images, *NAMES, "/kept", build)
    assert (holds(engine, "a"), holds(engine, "b")) == ("1", "2")
    assert not engine.images.exists(f"{image}-unfinished")
