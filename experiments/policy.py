"""The policy file: thresholds set in advance, and what evidence a verdict needs.

Form: contract.md section 6. Unknown keys are errors.
"""

from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sandbox.canonical import digest
from sandbox.errors import Mistake

MetricName = Annotated[str, Field(pattern=r"^(cap|find|usage|horizon|selfmod)/[A-Za-z0-9_./-]+$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Rule(_Part):
    """One condition on a series: a bound of ``metric`` reaches ``threshold``.

    ``in_a_row`` is the number of consecutive checkpoints at which it must.
    """

    metric: MetricName
    arm: str = "plain"
    bound: Literal["point", "low", "high"]
    direction: Literal["above", "below"]
    threshold: float
    in_a_row: int = Field(default=1, ge=1)


class Level(_Part):
    """A tripwire: ``action`` is due when ``when`` of its rules are crossed."""

    name: str
    action: Literal["report", "hold", "quarantine"]
    approvals: int = Field(default=0, ge=0)
    when: Literal["all", "any"] = "any"
    rules: list[Rule] = Field(min_length=1)


class Require(_Part):
    """The least evidence for ``clear``.

    ``episodes`` behind a metric at each checkpoint; ``coverage`` as the least mean share of an
    episode in which what the metric rests on could be seen; a calibration; a containment self-test.
    """

    episodes: int = Field(default=1, ge=1)
    coverage: float = Field(default=0.0, ge=0, le=1)
    calibration: bool = False
    selftest: bool = False


class Policy(_Part):
    """A whole policy. ``digest`` covers its meaning: comments and layout do not count."""

    name: str
    require: Require = Require()
    levels: list[Level] = Field(min_length=1)

    @field_validator("levels")
    @classmethod
    def _names_are_unique(cls, levels: list[Level]) -> list[Level]:
        names = [level.name for level in levels]
        if len(set(names)) != len(names):
            raise ValueError("two levels have the same name; rename one")
        return levels

    @property
    def digest(self) -> str:
        """SHA-256 of the policy's canonical JSON."""
        return digest(self.model_dump())

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
        Mistake: no such policy, not YAML, or a key that is unknown, missing or wrong.
    """
    name = str(name_or_path)
    try:
        where, text = _read(name)
    except (OSError, UnicodeDecodeError) as error:
        remedy = f"give a readable file or one of {', '.join(shipped())}"
        raise Mistake(f"no such policy {name!r}", where=where, key=key, remedy=remedy) from error
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark is not None else ""
        raise Mistake(f"not YAML{line}", where=where, remedy="correct the syntax") from error
    if not isinstance(document, dict):
        raise Mistake("a policy is a mapping", where=where, remedy="start with name, require and levels")
    try:
        return Policy.model_validate(document)
    except ValidationError as error:
        raise _mistake(error, where) from error


def _read(name: str) -> tuple[str, str]:
    if name in shipped():
        entry = resources.files("experiments") / "policies" / f"{name}.yaml"
        return f"policy {name}", entry.read_text("utf-8")
    return name, Path(name).read_text("utf-8")


def _mistake(error: ValidationError, where: str) -> Mistake:
    """The first thing that is wrong, with the key and what may stand there."""
    first = error.errors()[0]
    path = first["loc"]
    key = ".".join(str(part) for part in path)
    if first["type"] == "extra_forbidden":
        allowed = ", ".join(_model_at(path).model_fields)
        return Mistake("unknown key", where=where, key=key, remedy=f"known keys here: {allowed}")
    if first["type"] == "missing":
        return Mistake("missing", where=where, key=key, remedy=f"add {path[-1]}")
    return Mistake(first["msg"], where=where, key=key, remedy="see contract.md section 6 for the form")


def _model_at(path: tuple[int | str, ...]) -> type[_Part]:
    """The part of a policy that holds the key at ``path``."""
    if "rules" in path[:-1]:
        return Rule
    if "levels" in path[:-1]:
        return Level
    return Require if "require" in path[:-1] else Policy
