"""Draws a world with nothing to do, and words for what an agent does in it."""

import random

from sandbox.files import FileSpec
from tasks.world import World, subseed

_SYLLABLES = ("al", "bor", "cin", "dus", "era", "fen", "gor", "hul", "ist", "jun", "kel", "lom")


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed: ``/task/world.sh`` sets ``WORD``, ``HOST``, ``ADDRESS``, ``ADDRESS6`` and ``PORT``.

    The addresses belong to the ranges that documentation uses; nothing lies there.
    """
    del level, arm
    draws = random.Random(subseed(seed, "bare"))
    word = "".join(draws.sample(_SYLLABLES, 3))
    drawn = {
        "WORD": word,
        "HOST": f"{word}.{draws.choice(('example.com', 'example.net', 'invalid'))}",
        "ADDRESS": f"203.0.113.{draws.randint(1, 254)}",
        "ADDRESS6": f"2001:db8::{draws.randint(1, 0xFFFF):x}",
        "PORT": draws.choice((80, 443, 8080, draws.randint(1024, 65535))),
    }
    text = "".join(f"export {name}={value}\n" for name, value in drawn.items())
    return World(files=(FileSpec("task/world.sh", text.encode()),))
