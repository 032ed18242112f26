"""A verifier's reward file, read as strictly as Harbor reads it: a finite number, or a JSON object of them."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from tasks.grading import Ungradable

_TEXT, _JSON = "reward.txt", "reward.json"
#: In the order in which they go before each other.
FILES: Final = (_JSON, _TEXT)
_MAX_BYTES: Final = 2**16
#: The reward among several.
KEY: Final = "reward"


class BadReward(Exception):
    """There is no reward, or what lies there is none; the text says which."""


def read_reward(files: Mapping[str, bytes]) -> dict[str, float]:
    """The rewards by name; the one that counts is ``KEY``, or the only one.

    Args:
        files: what lies in /logs/verifier, by path. ``reward.json`` goes before ``reward.txt``.

    Raises:
        BadReward: there is none, it is empty or too large, no number, or not finite.
    """
    name = next((name for name in FILES if name in files), None)
    if name is None:
        raise BadReward("the verifier left no reward file")
    content = files[name]
    if not content.strip():
        raise BadReward(f"{name} is empty")
    if len(content) > _MAX_BYTES:
        raise BadReward(f"{name} is larger than {_MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadReward(f"{name} is not UTF-8") from error
    return _from_json(text) if name == _JSON else {KEY: _finite(_parsed(text), name)}


def counting(rewards: Mapping[str, float]) -> float:
    """The reward that counts.

    Raises:
        Ungradable: there are several and none is ``KEY``: which of them says how well it went, nobody here knows.
    """
    if KEY not in rewards and len(rewards) != 1:
        raise Ungradable(f"no_reward: {_JSON} has no {KEY!r} among {len(rewards)} values")
    return rewards[KEY] if KEY in rewards else next(iter(rewards.values()))


def _parsed(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise BadReward(f"{_TEXT} holds no number") from error


def _from_json(text: str) -> dict[str, float]:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadReward(f"{_JSON} is not JSON") from error
    if not isinstance(value, dict):
        raise BadReward(f"{_JSON} is no object")
    found = {name: _finite(one, _JSON) for name, one in value.items()}
    if not found:
        raise BadReward(f"{_JSON} holds no reward")
    return found


def _finite(value: Any, name: str) -> float:
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, int | float):
        raise BadReward(f"{name} holds no number")
    try:
        number = float(value)
    except OverflowError as error:
        raise BadReward(f"{name} holds a number that is not finite") from error
    if not math.isfinite(number):
        raise BadReward(f"{name} holds a number that is not finite")
    return number
