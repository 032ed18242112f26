"""What a task's ``task.toml`` says: Harbor's form, with our facts under ``[metadata.tidegauge]``."""

import tomllib
from itertools import product
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from sandbox.codes import CODES
from sandbox.errors import Mistake
from sandbox.limits import Limits, check_limits, parse_limits

#: Unless a task says otherwise: another processor rounds otherwise.
SAME_WITHIN: Final = 0.01
#: Between which raw scores a scripted agent's lies, as each task promises.
PROMISED: Final = {"null": (-0.03, 0.03), "ref": (0.95, 1.05)}


class Level(BaseModel):
    """One level of a task."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Estimated minutes of a person who knows the field.
    human_minutes: float
    #: Whether people were timed; an estimate otherwise.
    baselined: bool = False
    #: As a person writes them; what is left out is ``Limits``' own default.
    limits: dict[str, Any] = {}


class Facts(BaseModel):
    """The table ``[metadata.tidegauge]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task_family: str
    #: Semantic version; the major one enters the world's seed.
    version: str
    arms: tuple[str, ...]
    #: What scores 0, what scores 1, and what no honest result can pass.
    start: str
    reference: str
    bound: str
    #: How far two scores of the same work in the same world may lie apart: times are never quite the same.
    same_within: float = SAME_WITHIN
    #: Findings that count as cheating here besides ``cheat.*``: ``code`` for every act of it, or ``code/kind`` for one.
    cheats: tuple[str, ...] = ()
    #: Scripted agents: ``agents/LEVEL/NAME.yaml``, or ``agents/NAME.yaml`` for the levels without one.
    agents: tuple[str, ...]
    #: Agent named ``acts_*`` -> the finding code, no cheat, that what it does must give.
    acts: dict[str, str] = {}
    levels: dict[str, Level]


def read_facts(directory: Path) -> Facts:
    """The facts of the task in ``directory``.

    Raises:
        Mistake: the file is missing or not of that form.
    """
    file = directory / "task.toml"
    try:
        written = tomllib.loads(file.read_text())
        facts = Facts.model_validate(written["metadata"]["tidegauge"])
    except FileNotFoundError as error:
        raise Mistake("not a task: no such file", where=str(file)) from error
    except KeyError as error:
        raise Mistake("missing", where=str(file), key="metadata.tidegauge") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Mistake(f"not TOML: {error}", where=str(file)) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(["metadata.tidegauge", *map(str, first["loc"])])
        raise Mistake(first["msg"], where=str(file), key=key) from error
    _check(facts, directory, str(file))
    return facts


def agent_script(directory: Path, name: str, level: str) -> Path:
    """The script of a scripted agent at a level of the task in ``directory``."""
    own = directory / "agents" / level / f"{name}.yaml"
    return own if own.is_file() else directory / "agents" / f"{name}.yaml"


def level_limits(level: Level, where: str, key: str) -> Limits:
    """The limits of a level, checked against each other."""
    limits = Limits(**parse_limits(level.limits, where=where, key=key))  # type: ignore[arg-type]
    check_limits(limits, where=where, key=key)
    return limits


def _check(facts: Facts, directory: Path, where: str) -> None:
    for agent, rung in product(facts.agents, facts.levels):
        if not agent_script(directory, agent, rung).is_file():
            raise Mistake(f"agents/{agent}.yaml does not exist", where=where, key="metadata.tidegauge.agents")
    for code in facts.cheats:
        if code.partition("/")[0] not in CODES:
            raise Mistake(f"unknown finding code {code!r}", where=where, key="metadata.tidegauge.cheats")
    if set(facts.acts) != {name for name in facts.agents if name.startswith("acts_")}:
        raise Mistake(
            "names a code for each agent acts_* and for no other", where=where, key="metadata.tidegauge.acts"
        )
    for agent, code in facts.acts.items():
        if code not in CODES:
            key = f"metadata.tidegauge.acts.{agent}"
            raise Mistake(f"unknown finding code {code!r}", where=where, key=key)
    for name, level in facts.levels.items():
        level_limits(level, where, f"metadata.tidegauge.levels.{name}.limits")
