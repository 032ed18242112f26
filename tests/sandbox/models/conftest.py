"""What the tests of served models call often."""

from typing import Any

import pytest


@pytest.fixture
def say(upstream: Any) -> Any:
    """Makes an answer of the server: a text and changes."""
    return upstream.completion


@pytest.fixture
def fail(upstream: Any) -> Any:
    """Makes an error of the server: status, message, headers."""
    return upstream.failure
