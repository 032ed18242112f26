"""What an episode is made of, and what came of it."""

from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.box import BoxInfo
from sandbox.door.budget import Price
from sandbox.episode.guards import Guard
from sandbox.episode.honeytokens import Honeytoken
from sandbox.files import Collection, FileSpec
from sandbox.ground import Ground
from sandbox.limits import Limits
from sandbox.models.base import Model
from sandbox.service import Service, WorkingService, Workshop

#: In /logs; only a verifier writes there, and no agent's box has one.
VERIFIER: Final = "verifier"


@dataclass(frozen=True, slots=True)
class EpisodeRequest:
    """What makes an episode: everything it needs, and nothing that tells it where it runs."""

    #: Container name; also says whose it is in the log.
    name: str
    labels: dict[str, str]
    limits: Limits
    model: Model
    sampling: dict[str, Any]
    scaffold: tuple[FileSpec, ...]
    #: Paths relative to the box's root: task/…, work/….
    world: tuple[FileSpec, ...]
    services: tuple[Service, ...] = ()
    #: Where services that work beside the episode open their boxes; such a service needs one.
    workshop: Workshop | None = None
    #: What the box stands on in place of the episode image; a snapshot of it is then kept.
    ground: Ground | None = None
    #: Files that the agent has no business changing, and credentials of nobody that lie among the others.
    guards: tuple[Guard, ...] = ()
    honeytokens: tuple[Honeytoken, ...] = ()
    #: What the model's tokens cost; None: not known.
    price: Price | None = None
    #: Without these the episode does not begin: its findings would mean nothing.
    require_sensors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.workshop is None and any(isinstance(service, WorkingService) for service in self.services):
            raise ValueError("a service that works beside the episode needs a workshop")


@dataclass
class Outcome:
    """What came of it. Everything from inside the box is hostile."""

    status: str = "completed"
    cause: str | None = None
    refused: bool = False
    info: BoxInfo | None = None
    work: Collection = field(default_factory=lambda: Collection({}))
    #: Image of its root once every process of the agent had been ended; None: not kept.
    snapshot: str | None = None
    #: TCP ports that were listened on before that, where a snapshot is kept.
    listening: frozenset[int] = frozenset()
    logs: Collection = field(default_factory=lambda: Collection({}))
    #: The smaller files of /tmp.
    temporary: Collection = field(default_factory=lambda: Collection({}))
    scaffold_start: tuple[FileSpec, ...] = ()
    scaffold_end: tuple[FileSpec, ...] = ()
    #: Ids in the order in which they were seen.
    scaffold_versions: list[dict[str, Any]] = field(default_factory=list)
    scaffold_end_id: str | None = None
    usage: dict[str, float | int | None] = field(default_factory=dict)
    sensors: dict[str, str] = field(default_factory=dict)
