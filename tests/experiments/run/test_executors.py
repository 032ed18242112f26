"""Boxes of this host, as a run asks for them."""

import pytest

from experiments.attempts.executors import host_boxes
from sandbox.errors import Mistake


@pytest.mark.box
@pytest.mark.usefixtures("engine")
def test_an_image_that_is_not_there_is_named_with_the_key_that_asks_for_it() -> None:
    with pytest.raises(Mistake) as mistake:
        host_boxes("nothing:here", "runc", None)
    assert str(mistake.value) == (
        "container engine: sandbox.image: no image 'nothing:here'; build it, or write episode"
    )
