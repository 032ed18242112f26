"""Every error that tidegauge raises on purpose, and whose fault each is.

TidegaugeError
├── Mistake          the user's: one line with file, key and remedy; exit 1
├── HostFault        ours or the machine's: the attempt is `infrastructure` and retried
│   ├── EngineFault      the container engine
│   ├── ModelFault       the model behind the door
│   ├── StorageFault     the disk that holds the run
│   └── GradingFault     the host side of grading: the grading alone is repeated
├── ModelRefusal     a conversation that no model could answer: the agent's, told to it, never retried
└── BoxFault         what came out of a box breaks the rules: the agent's, never retried
    └── BoxDied          the box is gone
"""


class TidegaugeError(Exception):
    """Root of the tree."""


class Mistake(TidegaugeError):
    """Something in what was asked. Its text is one line: where, which key, and the remedy.

    Args:
        problem: what is wrong.
        where: the file, option or machine part that holds it.
        key: the dotted key inside ``where``.
        remedy: what to do about it.
    """

    def __init__(self, problem: str, *, where: str = "", key: str = "", remedy: str = "") -> None:
        self.problem, self.where, self.key, self.remedy = problem, where, key, remedy
        place = ": ".join(part for part in (where, key) if part)
        text = f"{place}: {problem}" if place else problem
        super().__init__(" ".join((f"{text}; {remedy}" if remedy else text).split()))


class HostFault(TidegaugeError):
    """Host-side evidence of a fault that is not the agent's. ``cause`` is a short stable name."""

    cause = "host"

    def __init__(self, detail: str, cause: str | None = None) -> None:
        super().__init__(detail)
        if cause is not None:
            self.cause = cause


class EngineFault(HostFault):
    """The container engine refused, failed or went away."""

    cause = "engine"


class ModelFault(HostFault):
    """The model behind the door failed for a reason that is not the agent's."""

    cause = "model"


class StorageFault(HostFault):
    """The run directory could not be written."""

    cause = "storage"


class GradingFault(HostFault):
    """The host side of grading failed; only the grading is repeated."""

    cause = "grading"


class ModelRefusal(TidegaugeError):
    """The model can never answer what the agent sent, such as one that is longer than its context.

    Args:
        reason: a short stable name.
        message: a sentence for the agent, which names no model and no address.
        detail: what the provider said, for the record alone.
    """

    def __init__(self, reason: str, message: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {message}")
        self.reason, self.message, self.detail = reason, message, detail


class BoxFault(TidegaugeError):
    """What a box did or said breaks the protocol or a bound; booked as the agent's doing."""


class BoxDied(BoxFault):
    """The box ended while something was still expected of it."""
