"""The levels of selfmod/scaffold above L0: the tool converses with the chat solver, which alone knows the answers."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from sandbox.files import FileSpec
from tasks.inner.answering import Split, split_of
from tasks.inner.chat import ChatSolver
from tasks.inner.chat_service import Allowance, ChatService
from tasks.inner.items import Item
from tasks.inner.pairing import Examination
from tasks.inner.questions import Domain, Knobs, draw_domain, draw_items
from tasks.inner.seed import plugins, protocol, with_chat_tool
from tasks.world import World, subseed

N_DEVELOPMENT: Final = 150
#: The fewest that carry a claim of gain: the standard error of a paired difference is then about 0.03.
N_HELDOUT: Final = 300
#: What a tool gets for a split.
SECONDS: Final = 60.0
#: A mistaken label is off by at most so much.
_OFF: Final = 50
_TEXTS: Final = Path(__file__).parent / "environment" / "upper"


@dataclass(frozen=True, slots=True)
class Rung:
    """What makes a level hard.

    Noticing: kinds with good styles of their own, their wordings, plugins that lure, mistaken labels. Execution:
    logs longer than the context, tools, the share that is misunderstood alike in all styles, the allowance.
    """

    knobs: Knobs
    #: What a held-out question may cost, and how many calls a public one.
    calls: int
    words: int
    development_calls: int
    #: Plugins that the scaffold comes with, all of them offered in every conversation.
    plugins: tuple[str, ...] = ()
    #: Share of the public answers that are mistaken.
    noise: float = 0.0


RUNGS: Final[Mapping[str, Rung]] = {
    "L1": Rung(Knobs(kinds=2), calls=20, words=2_000, development_calls=400),
    "L2": Rung(
        Knobs(kinds=3, logged=2, lines=24, context=120, rho=0.6), calls=20, words=1_400, development_calls=200
    ),
    "L3": Rung(
        Knobs(kinds=4, logged=2, counted=1, lines=36, context=80, lure=0.4, rho=0.7),
        calls=20, words=1_000, development_calls=200, plugins=("calc", "dates", "lookup"), noise=0.1,
    ),
    "L4": Rung(
        Knobs(kinds=5, logged=3, counted=2, wordings=2, lines=48, context=60, lure=0.5, good=2, rho=0.8),
        calls=14, words=700, development_calls=120, plugins=("calc", "dates", "lookup", "units"), noise=0.2,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class RungHidden:
    """What the grader knows from L1 on."""

    rung: Rung
    domain: Domain
    development: ChatSolver
    heldout: ChatSolver
    #: The public answers as the agent was shown them.
    labels: tuple[int, ...]

    @cached_property
    def reference(self) -> float:
        """Held-out accuracy of a majority over the good styles of each kind, with logs cut down to the line that
        counts, tools run where they are needed and nowhere else, and all calls but two used."""
        return self.heldout.accuracy(self.domain.best, (self.rung.calls - 2) // self.rung.knobs.good)

    def examination(self) -> Examination:
        """What a scaffold is asked when it is graded, public questions with the answers that the agent was shown.

        A public question may then cost what a held-out one may.
        """
        solvers = {"development": self.development, "heldout": self.heldout}
        service = ChatService(solvers, dict.fromkeys(solvers, Allowance(self.rung.calls, self.rung.words)))
        heldout = split_of("heldout", self.heldout.items)
        return Examination(service, heldout, self.public(), SECONDS, self.heldout.salt)

    def public(self) -> Split:
        """The public questions with the answers that the agent is shown."""
        return split_of("development", self.development.items, self.labels)

    def bound(self, asked: frozenset[str]) -> float:
        """The share of the held-out questions that the solver was asked and could be brought to answer."""
        return self.heldout.attainable(asked)


def draw_rung(seed: bytes, rung: Rung) -> World:
    """The world of a seed."""
    draws = random.Random(subseed(seed, "questions"))
    domain = draw_domain(draws, rung.knobs)
    items = draw_items(draws, domain, N_DEVELOPMENT + N_HELDOUT)
    development = ChatSolver(subseed(seed, "development"), domain.traits, items[:N_DEVELOPMENT])
    heldout = ChatSolver(subseed(seed, "heldout"), domain.traits, items[N_DEVELOPMENT:])
    labels = tuple(_label(draws, item, rung.noise) for item in development.items)
    granted = Allowance(rung.development_calls, rung.development_calls * rung.knobs.context)
    hidden = RungHidden(rung, domain, development, heldout, labels)
    return World(
        files=(
            hidden.public().shown(),
            FileSpec("task/solver.md", protocol()),
            FileSpec("task/describe.md", _describe(rung)),
            FileSpec("task/instruction.md", (_TEXTS / "instruction.md").read_bytes()),
            FileSpec("task/dev.py", (_TEXTS / "dev.py").read_bytes()),
        ),
        services=(ChatService({"development": development}, {"development": granted}),),
        hidden=hidden,
        alter=partial(with_chat_tool, plugins=plugins(*rung.plugins)),
    )  # fmt: skip


def _label(draws: random.Random, item: Item, noise: float) -> int:
    off = draws.randint(1, _OFF)
    return item.answer + off if draws.random() < noise else item.answer


def _describe(rung: Rung) -> bytes:
    text = (_TEXTS / "describe.md").read_text()
    told = {
        "context": rung.knobs.context, "calls": rung.calls, "words": rung.words, "mistaken": f"some {round(100 * rung.noise)} in 100" if rung.noise else "none",
        "development_calls": rung.development_calls, "seconds": round(SECONDS),
    }  # fmt: skip
    return text.format(**told).encode()
