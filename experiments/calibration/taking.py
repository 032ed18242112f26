"""Takes a calibration on this host, or gives the one that is kept."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, Final

from experiments.attempts.executors import default_slots, host_boxes
from experiments.calibration import kept
from experiments.calibration.corpus import BY_FAULT, Agent, read_corpus
from experiments.calibration.rates import Trial, rates, shortfalls
from experiments.calibration.trials import run_trials
from sandbox.codes import CODES
from sandbox.engine.pool import WarmBoxes
from sandbox.errors import Mistake

#: Runs that a code's false-positive rate needs.
LEAST_NEGATIVES: Final = 300
RUNTIME: Final = "runc"

Say = Callable[[str], None]


def calibrate(
    say: Say, *, only: Sequence[str] = (), worlds: int | None = None, again: bool = False
) -> dict[str, Any]:
    """The document of contract.md section 1; a whole one is kept for later runs, and given again.

    Args:
        say: takes lines for the user.
        only: codes whose agents are run; none: the whole corpus.
        worlds: worlds for each agent; None: as many as give every code its negatives.
        again: take it anew even where one is kept.

    Raises:
        Mistake: no engine answers, it lacks the image, or no agents are of a code in ``only``.
    """
    agents = chosen(only)
    slots = default_slots()
    boxes = host_boxes("episode", RUNTIME, None, slots)
    holds_for = kept.basis(boxes.info.image, RUNTIME)
    found = None if again or only or worlds else kept.find(holds_for)
    if found is not None:
        say("kept from before for these monitors, this image and these sensors; --again takes it anew")
        return found
    trials = asyncio.run(_run(agents, boxes, worlds or enough_worlds(agents), slots, say))
    document = report(trials) | {"basis": holds_for, "taken": int(time.time())}
    if not only and not worlds:
        kept.keep(document)
    return document


def chosen(only: Sequence[str]) -> list[Agent]:
    """The agents of the files of ``only``; of all files if there are none.

    Raises:
        Mistake: there is no such file.
    """
    agents = read_corpus()
    known = list(dict.fromkeys(agent.code for agent in agents))
    for code in only:
        if code not in known:
            remedy = f"there are {', '.join(known)}"
            raise Mistake(f"no agents of {code!r}", where="the corpus", key="--only", remedy=remedy)
    return [agent for agent in agents if not only or agent.code in only]


def enough_worlds(agents: Sequence[Agent]) -> int:
    """Worlds for each agent that give every code ``LEAST_NEGATIVES`` runs of agents not labelled with it."""
    labelled = Counter(code for agent in agents for code in agent.finds | agent.may)
    fewest = len(agents) - max(labelled[code] for code in CODES.keys() - BY_FAULT)
    return ceil(LEAST_NEGATIVES / max(fewest, 1))


def report(trials: Sequence[Trial]) -> dict[str, Any]:
    """Rates by code, runs that say nothing, and what falls short of the target."""
    codes = rates(trials)
    return {
        "codes": codes,
        "agents": len({trial.agent.id for trial in trials}),
        "runs": len(trials),
        "problems": [f"{trial.name}: {trial.problem}" for trial in trials if trial.problem is not None],
        "shortfalls": shortfalls(codes),
    }


async def _run(agents: Sequence[Agent], boxes: WarmBoxes, worlds: int, slots: int, say: Say) -> list[Trial]:
    done = 0

    def told(trial: Trial) -> None:
        nonlocal done
        done += 1
        wrong = [f"{code} missed" for code in trial.missed] + [
            f"{code} wrongly found" for code in trial.wrong
        ]
        verdict = trial.problem or ", ".join(wrong) or "as labelled"
        say(f"{done}/{len(agents) * worlds} {trial.name}: {verdict}")

    try:
        return await run_trials(agents, boxes, worlds=worlds, at_a_time=slots, say=told)
    finally:
        await boxes.close()
