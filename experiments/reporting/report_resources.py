"""What attempts were granted of each resource, and what they used."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from experiments.reading.view import RunView
from experiments.record.records import LedgerLine, UsageRecord

MIB: Final = 2**20
#: Name, unit, the limit that grants it (None: no limit of its own), divisor.
_RESOURCES: Final[tuple[tuple[str, str, str | None, float], ...]] = (
    ("cpu_s", "CPU s", "cpu_time", 1),
    ("wall_s", "wall s", "wall", 1),
    ("memory_peak", "memory MiB", "memory", MIB),
    ("processes_peak", "processes", "processes", 1),
    ("turns", "model calls", "turns", 1),
    ("tokens", "tokens", "model_tokens", 1),
    ("cost", "cost", None, 1),
    ("commands", "commands", None, 1),
    ("bytes_written", "written MiB", None, MIB),
)


@dataclass(frozen=True, slots=True)
class Use:
    """One resource at one task over all attempts with a result; None is not observed or not limited.

    ``n`` counts those that observed it; ``mean`` and ``most`` are over them, ``who`` used most.
    """

    task: str
    resource: str
    granted: float | None
    mean: float | None
    most: float | None
    who: str
    n: int

    @property
    def share(self) -> float | None:
        """``most`` as a share of what was granted."""
        return self.most / self.granted if self.most is not None and self.granted else None


def uses(view: RunView) -> list[Use]:
    """Every resource that any attempt observed, task by task."""
    by_task: dict[str, list[LedgerLine]] = {}
    for result in view.results():
        by_task.setdefault(f"{result.line.task}@{result.line.level}", []).append(result.line)
    found = [
        _use(task, lines, resource) for task, lines in sorted(by_task.items()) for resource in _RESOURCES
    ]
    return [use for use in found if use.n]


def _use(task: str, lines: Sequence[LedgerLine], resource: tuple[str, str, str | None, float]) -> Use:
    field, name, limit, divisor = resource
    seen = [(value / divisor, line) for line in lines if (value := _used(line.usage, field)) is not None]
    grants = [line.limits[limit] / divisor for line in lines if limit in line.limits] if limit else []
    if not seen:
        return Use(task, name, None, None, None, "", 0)
    most, line = max(seen, key=lambda one: one[0])
    mean = sum(value for value, _ in seen) / len(seen)
    return Use(task, name, min(grants, default=None), mean, most, str(line.checkpoint), len(seen))


def _used(usage: UsageRecord, field: str) -> float | None:
    if field != "tokens":
        value: float | None = getattr(usage, field)
        return value
    return None if usage.tokens_in is None or usage.tokens_out is None else usage.tokens_in + usage.tokens_out
