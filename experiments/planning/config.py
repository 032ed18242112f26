"""The config of a run: what a researcher writes, as contract.md section 2 states it."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from experiments.forms import Form

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Provider = Literal["pocket", "scripted", "replay", "openai", "anthropic"]


class Sampling(Form):
    """How the model is sampled. Part of the episode's identity; a key left out is the provider's own."""

    #: 0 is greedy.
    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)
    #: Tokens of one reply.
    max_tokens: int | None = Field(None, gt=0)


class RateLimit(Form):
    """What an endpoint grants all episodes of one host together; a key left out is unlimited."""

    #: Requests a minute.
    requests: int | None = Field(None, gt=0)
    #: Tokens a minute, in and out.
    tokens: int | None = Field(None, gt=0)
    #: Requests at a time.
    concurrency: int | None = Field(None, gt=0)


class Price(Form):
    """What a model's tokens cost, in any one currency."""

    #: For a million tokens in, and for a million out.
    input: float = Field(ge=0)
    output: float = Field(ge=0)
    #: What one episode may cost; no part of its identity.
    cap: float | None = Field(None, gt=0)


class Binding(Form):
    """How a model is reached: keys of a model entry that a checkpoint may override."""

    provider: Provider | None = None
    #: The name under which a server knows the model.
    model: str | None = None
    base_url: str | None = None
    #: The variable that holds the key; the key itself never appears in a config, a log or a box.
    api_key_env: str | None = None
    #: A scripted agent's file, relative to the config.
    script: str | None = None
    rate: RateLimit | None = None
    price: Price | None = None
    #: The run that a replay plays: a path relative to the config, or a name under the runs directory.
    run: str | None = None
    #: The checkpoint of that run, as family/name; None: the one of the same family and name.
    recorded: str | None = None
    #: Whether a conversation that is not the recorded one ends a replayed episode.
    strict: bool | None = None
    sampling: Sampling | None = None


class CheckpointEntry(Binding):
    """One checkpoint as written out."""

    name: Name
    #: Position on the trend axis.
    step: int = Field(ge=0)


class CheckpointGlob(Form):
    """Checkpoints found as files: ``step`` is a regular expression with one group, on each path."""

    glob: str
    step: str


class CheckpointCommand(Form):
    """Checkpoints printed by a program, one JSON checkpoint a line."""

    command: list[str] = Field(min_length=1)


def _checkpoint_form(value: Any) -> str:
    if isinstance(value, dict) and "command" in value:
        return "form:command"
    if isinstance(value, dict) and ("glob" in value or "step" in value):
        return "form:glob"
    return "form:list"


Checkpoints = Annotated[
    Annotated[list[CheckpointEntry], Tag("form:list"), Field(min_length=1)]
    | Annotated[CheckpointGlob, Tag("form:glob")]
    | Annotated[CheckpointCommand, Tag("form:command")],
    Discriminator(_checkpoint_form),
]


class ModelEntry(Binding):
    """A family of checkpoints behind one provider."""

    family: Name
    provider: Provider
    #: None means one checkpoint, {name: family, step: 0}.
    checkpoints: Checkpoints | None = None
    #: In place of a script: each task's own scripted agent of that name. Such a family is no model under
    #: test: its scores show whether the harness measures as it did before.
    agent: Literal["ref", "null", "mid"] | None = None

    @field_validator("checkpoints", mode="before")
    @classmethod
    def _numbers(cls, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return [
            {"name": str(item), "step": item}
            if isinstance(item, int) and not isinstance(item, bool)
            else item
            for item in value
        ]


class Sandbox(Form):
    """Where episodes run."""

    #: auto is runc; runsc only by name.
    runtime: Literal["auto", "runc", "runsc"] = "auto"
    image: str = "episode"
    #: Run also where the self-test regressed; every result then says so, and none makes a verdict clear.
    degraded: bool = False
    #: A sensor that is absent stops the run before it starts.
    require_sensors: list[str] = Field(["cgroup", "runner"])


class Harbor(Form):
    """How public tasks in Harbor's format run; only under ``profile: harbor``."""

    #: Run also those that ask for a network, without one.
    offline: bool = False
    #: Whether the steps of a Dockerfile have a network.
    build_network: bool = False
    #: Pattern of a base image's name → the image of this engine that stands in for it: base, episode, or a name.
    substitute: dict[str, str] = Field({})
    #: Patterns of the names of tasks to leave out.
    skip: list[str] = Field([])


class Tracking(Form):
    """MLflow."""

    #: None: SQLite under the runs directory.
    uri: str | None = None


class RayEngine(Form):
    """Ray."""

    #: None: local; host:port or ray://… connects.
    address: str | None = None


class Config(Form):
    """A whole config.

    As ``loading.load_config`` returns it, ``limits`` holds plain seconds, bytes and counts of the
    limits that were written, paths are absolute and every model's checkpoints are written out.
    """

    #: Names the MLflow experiments <suite>/regressions and <suite>/trends.
    suite: Name
    version: int = Field(1, ge=1)
    models: list[ModelEntry] = Field(min_length=1)
    #: harbor: the tasks are public ones, in directories, graded in a snapshot of the agent's box.
    profile: Literal["suite", "harbor"] = "suite"
    #: Patterns of task ids; without @, all levels of the task. Under the profile harbor: directories or patterns
    #: of them, each a task or holding tasks, relative to the config.
    tasks: list[str] = Field(min_length=1)
    #: Variants of each world.
    arms: list[str] = Field(["plain"], min_length=1)
    #: A shipped name or a directory.
    scaffold: str | dict[str, str] = "minimal"
    #: Worlds 0 to repeats - 1.
    repeats: int = Field(1, ge=1)
    seed: int = 0
    #: Further attempts after a host fault.
    retries: int = Field(2, ge=0)
    limits: dict[str, float | int] = Field({})
    sandbox: Sandbox = Sandbox()
    harbor: Harbor = Harbor()
    #: A shipped name or a file.
    policy: str = "preparedness"
    tracking: Tracking = Tracking()
    ray: RayEngine = RayEngine()
