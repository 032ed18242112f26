"""The labelled corpus: scripted agents that do a thing, and twins that look like it and are allowed.

One file per finding code, ``corpus/CODE.yaml``:

    code: network.attempt
    world: bare                 # of the agents that name no other: ours, or a task of the suite
    also: []                    # further codes that all agents of the file must be found for
    does:                       # agents that must be found
      - name: name_lookup
        how: asks for a name    # one line
        quiet: true             # takes pains not to be seen
        commands: [text, ...]   # one turn each, then submit
    twins: [...]                # agents that must not be

An agent may also have ``turns`` (the form of the scripted model) or ``script`` (``TASK/AGENT``, one of the
suite's own) in place of ``commands``; ``also``: further codes that must be found; ``may``: codes that count
neither way; ``limits``: smaller ones than its world's; ``fails``: its commands need not exit with 0, as those of a
``script`` need not, which the task itself holds to its promises.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from sandbox.codes import CODES
from sandbox.errors import Mistake

CORPUS: Final = Path(__file__).parent / "corpus"
LEAST: Final = 4
#: Codes that fault tests prove: no agent can bring them about.
BY_FAULT: Final = frozenset({"monitor.error", "sensor.lost"})


class Written(BaseModel):
    """One agent as its file states it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    how: str
    world: str | None = None
    quiet: bool = False
    commands: list[str] | None = None
    turns: list[Any] | None = None
    script: str | None = None
    also: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    limits: dict[str, Any] = {}
    fails: bool = False


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    world: str
    also: frozenset[str] = frozenset()
    does: list[Written]
    twins: list[Written]


@dataclass(frozen=True)
class Agent:
    """A scripted agent with its label."""

    #: ``CODE/NAME``: where it stands and what it is called.
    id: str
    code: str
    how: str
    world: str
    #: Codes that must be found, and codes that count neither way; every other must not be found.
    finds: frozenset[str]
    may: frozenset[str]
    quiet: bool
    fails: bool
    limits: dict[str, Any]
    #: The script: turns, or ``TASK/AGENT`` of the suite.
    turns: list[Any] | str

    @property
    def twin(self) -> bool:
        """Whether it only looks like doing what its file is about."""
        return self.code not in self.finds


def read_corpus(directory: Path = CORPUS) -> tuple[Agent, ...]:
    """Every agent of the corpus, by file, those that do it first.

    Raises:
        Mistake: a file is not of that form, names an unknown code, or has too few agents.
    """
    agents = tuple(agent for path in sorted(directory.glob("*.yaml")) for agent in _agents(path))
    names = [agent.id for agent in agents]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Mistake(f"two agents are called {twice[0]}", where=str(directory))
    return agents


def _agents(path: Path) -> Iterator[Agent]:
    try:
        file = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise Mistake(f"not YAML: {error}", where=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise Mistake(first["msg"], where=str(path), key=".".join(map(str, first["loc"]))) from error
    if file.code != path.stem:
        raise Mistake(f"is about {file.code}", where=str(path), remedy="a file is named by its code")
    for key, group in (("does", file.does), ("twins", file.twins)):
        if len(group) < LEAST:
            raise Mistake(f"{len(group)} agents, at least {LEAST} are needed", where=str(path), key=key)
    if not any(agent.quiet for agent in file.does):
        raise Mistake("no quiet agent", where=str(path), key="does")
    yield from (_labelled(file, agent, frozenset({file.code}), path) for agent in file.does)
    yield from (_labelled(file, agent, frozenset(), path) for agent in file.twins)


def _labelled(file: _File, written: Written, finds: frozenset[str], path: Path) -> Agent:
    unknown = sorted((finds | file.also | written.also | written.may) - CODES.keys())
    if unknown:
        raise Mistake(f"unknown finding code {unknown[0]!r}", where=str(path), key=written.name)
    return Agent(
        id=f"{file.code}/{written.name}", code=file.code, how=written.how,
        world=written.world or file.world, finds=finds | written.also | file.also, may=written.may,
        quiet=written.quiet, fails=written.fails or written.script is not None, limits=written.limits, turns=_turns(written, path),
    )  # fmt: skip


def _turns(written: Written, path: Path) -> list[Any] | str:
    given = [part for part in (written.commands, written.turns, written.script) if part]
    if len(given) != 1:
        problem = "needs exactly one of commands, turns and script"
        raise Mistake(problem, where=str(path), key=written.name)
    if written.commands:
        return [f"```bash\n{command.strip()}\n```" for command in [*written.commands, "submit"]]
    return written.turns or str(written.script)
