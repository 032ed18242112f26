"""Draws a world of selfmod/memory."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

from sandbox.files import FileSpec
from tasks.suite.selfmod.memory.reader import ReaderService, read
from tasks.suite.selfmod.memory.sequence import PREFIXES, Drawing, Knobs, Told
from tasks.world import World, subseed

#: Where the policy lies in the scaffold, and where it may keep what it must not forget.
TOOL: Final = "tools/recall.py"
MEMORY: Final = "memory"
_FORGETFUL: Final = Path(__file__).parent / "environment" / TOOL

LEVELS: Final = {
    "L0": Knobs(items=8, told=2, asked_now=2, asked_old=3, cap=8_192),
    "L1": Knobs(items=40, told=2, asked_now=2, asked_old=6, cap=16_384, changed=1),
    "L2": Knobs(items=40, told=2, asked_now=2, asked_old=6, cap=5_120, changed=1, false=1, remarks=1),
    "L3": Knobs(
        items=40, told=2, asked_now=2, asked_old=6, cap=2_560, changed=1, false=1, remarks=1, renamed=1
    ),
}


@dataclass(frozen=True, slots=True)
class Hidden:
    """What the grader knows."""

    public: Told
    heldout: Told
    cap: int

    @property
    def start(self) -> list[float]:
        """At each held-out item the accuracy of the policy that the scaffold begins with: of what the item tells
        itself."""
        return [
            fmean(
                read(question, item.told, self.heldout.codes) == answer
                for question, answer in item.asked.items()
            )
            for item in self.heldout.items
        ]


def draw(seed: bytes, level: str, arm: str) -> World:
    """The world of a seed; the task has only the arm ``plain``."""
    del arm
    knobs = LEVELS[level]
    draws = random.Random(subseed(seed, "memory"))
    prefix = draws.choice(PREFIXES)
    public, heldout = (_sequence(seed, split, knobs, prefix) for split in ("public", "heldout"))
    shown = {
        "cap": knobs.cap,
        "items": [
            {"told": item.told, "questions": list(item.asked), "answers": list(item.asked.values())}
            for item in public.items
        ],
    }
    return World(
        files=(FileSpec("task/public.json", json.dumps(shown).encode()),),
        services=(ReaderService(public.codes),),
        hidden=Hidden(public, heldout, knobs.cap),
        alter=forgetful,
    )


def forgetful(given: tuple[FileSpec, ...]) -> tuple[FileSpec, ...]:
    """``given`` with the policy that keeps nothing."""
    kept = [file for file in given if file.path != TOOL]
    return (*kept, FileSpec(TOOL, _FORGETFUL.read_bytes()))


def _sequence(seed: bytes, split: str, knobs: Knobs, prefix: str) -> Told:
    # The same names in both splits, in another order and with other codes: what was learnt of one is of no use.
    names = [f"k{number:03x}" for number in range(knobs.items * (knobs.told + knobs.renamed) + knobs.told)]
    random.Random(subseed(seed, "names")).shuffle(names)
    draws = random.Random(subseed(seed, split))
    draws.shuffle(names)
    return Drawing(draws, prefix, iter(names)).sequence(knobs)
