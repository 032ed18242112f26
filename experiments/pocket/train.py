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
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from experiments.pocket.exam import successes
from experiments.pocket.learner import Learner, Recipe, train
from experiments.pocket.lessons import Episode, episodes, lesson, vocabulary
from sandbox.models.pocket.policy import HERE, read, weights_file
from sandbox.models.pocket.tokens import Tokenizer

#: Worlds that are learned from, by task: copying six of forty words needs more of them than one of five.
TRAINING_WORLDS = {"ml/tab": 1200, "selfmod/scaffold": 300}
#: Worlds a task that are kept for the examination.
HELDOUT_WORLDS = 100


def main() -> None:
    """Draws, trains, examines, stores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="where the checkpoints go")
    parser.add_argument("--record", type=Path, default=Path(__file__).with_name("training.json"))
    given = parser.parse_args()
    begin, recipe = time.monotonic(), Recipe()
    training = {
        task: [talk for episode in episodes(task, "training", n) for talk in episode]
        for task, n in TRAINING_WORLDS.items()
    }
    heldout = {task: episodes(task, "heldout", HELDOUT_WORLDS) for task in training}
    print(f"worlds drawn after {time.monotonic() - begin:.0f} s", flush=True)
    words = vocabulary([talk for talks in training.values() for talk in talks])
    lessons = [[lesson(Tokenizer(words), talk) for talk in talks] for talks in training.values()]
    steps: list[dict[str, Any]] = []

    def draw(chance: np.random.Generator) -> tuple[list[int], list[bool]]:
        task = lessons[chance.integers(len(lessons))]
        return task[chance.integers(len(task))]

    def keep(step: int, learner: Learner, loss: float) -> None:
        store(weights_file(step, given.out), learner, words)
        passed = examine(weights_file(step, given.out), heldout)
        steps.append({"step": step, "loss": round(loss, 4), "heldout": passed, "seconds": since(begin)})
        print(json.dumps(steps[-1]), flush=True)

    for stale in given.out.glob("step-*.npz"):
        stale.unlink()
    train(recipe, len(words), draw, keep)
    record = {
        "recipe": asdict(recipe),
        "worlds": {"training": TRAINING_WORLDS, "heldout": HELDOUT_WORLDS},
        "vocabulary": len(words),
        "longest": max(len(numbers) for task in lessons for numbers, _ in task),
        "machine": {"processor": processor(), "cores": os.cpu_count(), "torch": torch.__version__},
        "steps": steps,
        "seconds": since(begin),
    }
    given.record.write_text(json.dumps(record, indent=1) + "\n")


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
