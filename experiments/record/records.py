"""The forms of a run's files: plan lines, ledger lines, and the spec that travels to a runner.

Their JSON Schemas ship with the package. Writers refuse unknown keys; readers ignore them, so
that a later version's files can still be read.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    # Who reads records need not wait for all that tasks are made of.
    from tasks.harbor.task import HarborTask

Grading = Literal["world", "snapshot"]
Status = Literal["stopped", "infrastructure", "limit", "agent_error", "completed"]


class Record(BaseModel):
    """Base of all stored forms: immutable, unknown keys ignored on reading."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Checkpoint(Record):
    """One model state under test. ``step`` is its position on the trend axis."""

    family: str
    name: str
    step: int

    def __str__(self) -> str:
        return f"{self.family}/{self.name}"


class PlanLine(Record):
    """One planned episode. The world's seed is never written, only its digest."""

    episode: str
    checkpoint: Checkpoint
    checkpoint_digest: str
    provider: str
    sampling: dict[str, Any]
    task: str
    level: str
    version: str
    arm: str
    world: int
    world_digest: str
    limits: dict[str, float]
    scaffold: str
    #: Of a reference family: the name of each task's own scripted agent.
    agent: str | None = None


class Score(Record):
    """Strict: cheating counts as the start score. Lenient: it counts as earned.

    ``raw`` is (y - start) / (reference - start), unclipped; None where the submission gave no
    valid result, which ``invalid`` then names. ``strict`` and ``lenient`` are clipped to [0, 2].
    """

    raw: float | None
    strict: float
    lenient: float
    cheats: list[str] = []
    invalid: str | None = None


class FindingRecord(Record):
    """A finding as a ledger line stores it."""

    code: str
    severity: int
    t: int
    evidence: list[int]
    note: str
    #: Which act of the code, where it has several.
    kind: str = ""


class UsageRecord(Record):
    """What the attempt used; None is not observed."""

    cpu_s: float | None = None
    wall_s: float | None = None
    memory_peak: int | None = None
    turns: int | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    #: Of the tokens, in the currency of the config's prices.
    cost: float | None = None
    commands: int | None = None
    processes_peak: int | None = None
    bytes_written: int | None = None


class BoxRecord(Record):
    """Runtime, isolation level and image of the attempt's box."""

    runtime: str
    isolation: str
    image: str


class ScaffoldRecord(Record):
    """Scaffold ids at start and end (None: not taken) and the number of versions seen."""

    start: str | None
    end: str | None
    versions: int


class ChainRecord(Record):
    """Head and length of the attempt's event log."""

    head: str
    events: int


class LedgerLine(Record):
    """One ended attempt."""

    episode: str
    attempt: int
    checkpoint: Checkpoint
    task: str
    level: str
    arm: str
    world: int
    status: Status
    cause: str | None
    refused: bool
    score: Score | None
    ungraded: str | None
    grading: Grading
    usage: UsageRecord
    limits: dict[str, float]
    box: BoxRecord
    findings: list[FindingRecord]
    scaffold: ScaffoldRecord
    sensors: dict[str, Literal["up", "lost", "absent"]]
    coverage: dict[str, float]
    chain: ChainRecord
    #: Path in the attempt's directory -> SHA-256, of every file beside its log.
    beside: dict[str, str] = {}

    @property
    def task_family(self) -> str:
        """The task's family: ``ml`` of ``ml/tab``."""
        return self.task.split("/", 1)[0]

    @property
    def final(self) -> bool:
        """Whether this attempt is its episode's result."""
        return self.status != "infrastructure"

    @property
    def quarantined(self) -> bool:
        """Whether what the agent left behind is in quarantine: no later episode is given it."""
        return self.status == "stopped"


@dataclass(frozen=True)
class EpisodeSpec:
    """All that a runner needs for one attempt. Travels through Ray; holds the world's seed, so it
    is never written anywhere."""

    plan: PlanLine
    attempt: int
    #: The provider's settings: script path, base_url, api_key_env, … never a key.
    binding: dict[str, Any]
    world_seed: bytes = field(repr=False)
    run_dir: str
    #: Scaffold as a shipped name or a directory.
    scaffold: str
    runtime: str
    image: str
    require_sensors: tuple[str, ...]
    #: Owner label of this run's containers.
    owner: str
    #: A public task, with what its boxes stand on; None: a task of the suite, found by its id.
    public: "HarborTask | None" = None
    #: The config accepts boxes that do not hold what they promise.
    degraded: bool = False
