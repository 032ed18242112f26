"""What is said of one kind of event."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event."""

    sources: tuple[str, ...]
    means: str
    #: field -> meaning, with units.
    data: dict[str, str]
    #: The sensor whose absence makes this kind unobservable; None for the harness's own acts.
    sensor: str | None = None
