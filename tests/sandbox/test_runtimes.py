"""Whether a container runtime carries a box is tried, and the trial ends."""

import pytest

from experiments.attempts.executors import open_boxes
from sandbox.engine.container import Engine
from sandbox.engine.runtimes import refusal
from sandbox.errors import Mistake

pytestmark = pytest.mark.box


def test_a_runtime_that_carries_a_box_is_taken(image: str) -> None:
    assert refusal(image, "runc") is None


def test_a_runtime_that_the_engine_does_not_have_is_refused_in_its_words(image: str) -> None:
    assert "no-such-runtime" in (refusal(image, "no-such-runtime") or "")


def test_a_trial_that_takes_too_long_is_killed(image: str) -> None:
    assert refusal(image, "runc", seconds=0.05) == "a box did not answer within 0 s"


def test_a_config_that_asks_for_a_runtime_that_is_not_there_is_told_key_and_remedy(
    engine: Engine, image: str
) -> None:
    if "runsc" in engine.runtimes():
        pytest.skip("runsc is there")
    with pytest.raises(Mistake, match=r"container engine: sandbox\.runtime: no runtime 'runsc'; install it"):
        open_boxes("episode", "runsc", None)
