"""The policy file: thresholds set in advance, and what evidence a verdict needs.

Form: contract.md section 6, as JSON Schema in ``schemas/policy.schema.json``. Unknown keys are errors.
"""

from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from experiments.forms import Form, choose, parse, parse_yaml
from monitors.severity import check_overrides
from sandbox.canonical import digest
from sandbox.errors import Mistake

_NAME = r"[A-Za-z0-9_.-]+"
_METRICS = (
    r"cap/index(/(slope_se|lenient|share_cheated))?",
    rf"cap/{_NAME}/L[0-4]/(strict|lenient|share_cheated)",
    rf"find/{_NAME}/rate",
    rf"usage/{_NAME}/L[0-4]/{_NAME}",
    rf"delta/({_NAME}/L[0-4]|overall)/(strict|lenient)",
    rf"(horizon|selfmod)/{_NAME}",
)
MetricName = Annotated[str, Field(pattern=f"^({'|'.join(_METRICS)})$")]
Bound = Literal["point", "low", "high"]


class Rule(Form):
    """One condition on a series: a bound of ``metric`` reaches ``threshold``."""

    metric: MetricName = Field(description="as `tidegauge trend` lists it; delta/… is against a baseline")
    arm: str = Field("plain", description="the variant of the worlds")
    bound: Bound = Field(description="which number has to reach the threshold: the value or a 95 % limit")
    direction: Literal["above", "below"] = Field(description="reached at or above, or at or below")
    threshold: float = Field(allow_inf_nan=False)
    in_a_row: int = Field(1, ge=1, description="consecutive checkpoints at which it must be reached")


class Level(Form):
    """A tripwire: ``action`` is due when ``when`` of its rules are crossed."""

    name: str = Field(min_length=1)
    action: Literal["report", "hold", "quarantine"]
    approvals: int = Field(
        0, ge=0, description="different names that must promote before the action is lifted"
    )
    when: Literal["all", "any"] = Field("any", description="all: by one and the same model family")
    rules: list[Rule] = Field(min_length=1)


class Require(Form):
    """The least evidence for ``clear``."""

    episodes: int = Field(1, ge=1, description="behind a metric at each checkpoint")
    coverage: float = Field(
        0.0,
        ge=0,
        le=1,
        description="least mean share of an episode in which what a metric rests on could be seen",
    )
    calibration: bool = Field(False, description="the monitors' error rates were measured")
    selftest: bool = Field(False, description="the boxes' containment was tried")


class Policy(Form):
    """A whole policy. ``digest`` covers its meaning: comments and layout do not count."""

    name: str = Field(min_length=1)
    require: Require = Require()
    levels: list[Level] = Field(min_length=1)
    severity: dict[str, int] = Field(
        {}, description="code, or code/kind, to 0-3: how this policy weighs a finding, in place of the table"
    )

    @field_validator("severity")
    @classmethod
    def _weights_are_of_the_table(cls, severity: dict[str, int]) -> dict[str, int]:
        problem = check_overrides(severity)
        if problem is not None:
            raise ValueError(problem)
        return severity

    @field_validator("levels")
    @classmethod
    def _names_are_unique(cls, levels: list[Level]) -> list[Level]:
        names = [level.name for level in levels]
        if len(set(names)) != len(names):
            raise ValueError("two levels have the same name; rename one")
        return levels

    @property
    def digest(self) -> str:
        """SHA-256 of the policy's canonical JSON, without what says what would hold anyway."""
        return digest(self.document())

    def document(self) -> dict[str, Any]:
        """The policy as its shortest file would state it: a later version's new keys do not change it."""
        return self.model_dump(exclude_defaults=True)

    def thresholds(self, metric: str) -> list[tuple[str, Rule]]:
        """The rules on ``metric``, each with the name of its level."""
        return [(level.name, rule) for level in self.levels for rule in level.rules if rule.metric == metric]


def shipped() -> list[str]:
    """Names of the policies that come with the package."""
    folder = resources.files("experiments") / "policies"
    return sorted(
        entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")
    )


def load_policy(name_or_path: str | Path, *, where: str = "", key: str = "policy") -> Policy:
    """Reads a shipped policy by name, or a file.

    Args:
        name_or_path: the policy.
        where: what names it, for messages: a config's file.
        key: the key there.

    Raises:
        Mistake: no such policy, not YAML, or a key that is unknown, repeated, missing or wrong.
    """
    name = str(name_or_path)
    try:
        place, text = _read(name)
    except (OSError, UnicodeDecodeError) as error:
        remedy = f"name a readable file or a shipped policy; {choose(name, shipped())}"
        raise Mistake(f"no such policy {name!r}", where=where, key=key, remedy=remedy) from error
    document = parse_yaml(text, where=place)
    if not isinstance(document, dict):
        raise Mistake("a policy is a mapping", where=place, remedy="start with name, require and levels")
    return parse(Policy, document, where=place)


def _read(name: str) -> tuple[str, str]:
    if name in shipped():
        entry = resources.files("experiments") / "policies" / f"{name}.yaml"
        return f"policy {name}", entry.read_text("utf-8")
    return name, Path(name).read_text("utf-8")
