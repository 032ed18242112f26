"""What all tests share: the engine and real boxes, where there are any."""

from collections.abc import Iterator

import pytest

from sandbox.container import Engine
from sandbox.errors import TidegaugeError
from sandbox.image import require_image


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The machine's container engine; tests that need it are skipped where none answers."""
    try:
        engine = Engine()
    except TidegaugeError as error:
        pytest.skip(f"no container engine: {error}")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """The id of the episode image, which `make test` builds."""
    return require_image(engine)
