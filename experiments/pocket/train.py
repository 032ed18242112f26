"""Trains pocket and stores its checkpoints.

    python -m experiments.pocket.train [--out DIRECTORY]

Draws worlds of the L0 tasks, lets each task's reference agent work in them, clones what it says,
and states at every kept step in how many held-out worlds the clone does all of it exactly.
"""

import argparse
import json
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from experiments.pocket.exam import successes
from experiments.pocket.learner import Learner, Lesson, Recipe, train
from experiments.pocket.lessons import (
    TASKS,
    Conversation,
    Episode,
    episodes,
    lesson,
    vocabulary,
    without_opening,
)
from sandbox.models.pocket.policy import HERE, read, weights_file
from sandbox.models.pocket.tokens import Tokenizer

#: Worlds that are learned from, by task, and so its share of the lessons: of two tasks 600 were too few.
TRAINING_WORLDS = dict.fromkeys(TASKS, 600) | {"replication/cloud": 2400, "selfmod/scaffold": 1200}
#: Learned alone until the second stage: which of six words comes first was found early or not at all.
FIRST = "selfmod/scaffold"
#: The step at which all tasks come in, and the one at which lessons get their openings. An opening is three
#: quarters of a conversation and tells nothing of the world: without it attention finds sooner what to copy.
ALL_FROM, OPENINGS_FROM = 200, 800
#: Worlds a task that are kept for the examination.
HELDOUT_WORLDS = 50


def main() -> None:
    """Draws, trains, examines, stores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="where the checkpoints go")
    parser.add_argument("--record", type=Path, default=Path(__file__).with_name("training.json"))
    given = parser.parse_args()
    begin, recipe = time.monotonic(), Recipe()
    talks, heldout = worlds()
    print(f"worlds drawn after {since(begin)} s", flush=True)
    words = vocabulary(list(chain.from_iterable(talks.values())))
    tokenizer = Tokenizer(words)
    whole = [lesson(tokenizer, talk) for task in TASKS for talk in talks[task]]
    short = [lesson(tokenizer, without_opening(talk)) for task in TASKS for talk in talks[task]]
    first = [lesson(tokenizer, without_opening(talk)) for talk in talks[FIRST]]
    steps: list[dict[str, Any]] = []

    def draw(step: int, chance: np.random.Generator) -> Lesson:
        lessons = first if step < ALL_FROM else short if step < OPENINGS_FROM else whole
        return lessons[chance.integers(len(lessons))]

    def keep(step: int, learner: Learner, loss: float) -> None:
        store(weights_file(step, given.out), learner, words)
        passed = examine(weights_file(step, given.out), heldout)
        steps.append({"step": step, "loss": round(loss, 4), "heldout": passed, "seconds": since(begin)})
        print(json.dumps(steps[-1]), flush=True)

    for stale in given.out.glob("step-*.npz"):
        stale.unlink()
    train(recipe, len(words), draw, keep)
    record = {
        "recipe": asdict(recipe) | {"all_from": ALL_FROM, "openings_from": OPENINGS_FROM},
        "worlds": {"training": TRAINING_WORLDS, "heldout": HELDOUT_WORLDS},
        "vocabulary": len(words),
        "longest": max(len(numbers) for numbers, _ in whole),
        "machine": {"processor": processor(), "cores": os.cpu_count(), "torch": torch.__version__},
        "steps": steps,
        "seconds": since(begin),
    }
    given.record.write_text(json.dumps(record, indent=1) + "\n")


def worlds() -> tuple[dict[str, list[Conversation]], dict[str, list[Episode]]]:
    """By task, what is learned from and what is examined; drawn on all cores."""
    with ProcessPoolExecutor() as pool:
        talks = {
            task: list(chain.from_iterable(episodes(task, "training", n, pool)))
            for task, n in TRAINING_WORLDS.items()
        }
        heldout = {task: episodes(task, "heldout", HELDOUT_WORLDS, pool) for task in TASKS}
    return talks, heldout


def store(path: Path, learner: Learner, words: tuple[str, ...]) -> None:
    """Writes a checkpoint: the network in half precision and its vocabulary."""
    np.savez_compressed(path, vocabulary=np.array(words), **learner.arrays())  # type: ignore[arg-type]


def examine(path: Path, heldout: dict[str, list[Episode]]) -> dict[str, int]:
    """Successes by task of a stored checkpoint, run by numpy as it will be run in an episode."""
    return {task: successes(read(path), episodes_) for task, episodes_ in heldout.items()}


def since(begin: float) -> int:
    """Whole seconds since ``begin``."""
    return round(time.monotonic() - begin)


def processor() -> str:
    """The processor's name as Linux gives it."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    names = [line.partition(": ")[2] for line in cpuinfo.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
