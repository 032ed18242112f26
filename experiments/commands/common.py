"""What every command shares: where runs are, and how it speaks to people and to programs."""

import json
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

#: The console script.
NAME = "tidegauge"

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command writes: results to standard output, everything else to standard error."""

    #: One JSON document on standard output and nothing else.
    json: bool

    def say(self, text: str) -> None:
        """Progress or a message."""
        click.echo(text, err=True)

    def show(self, text: str, document: Any) -> None:
        """The result: ``text`` for a person, ``document`` for a program, or what makes it where that takes long."""
        if self.json:
            text = json.dumps(
                document() if callable(document) else document, ensure_ascii=False, allow_nan=False
            )
        click.echo(text)


def shared(command: Command) -> Command:
    """Adds ``--runs`` and ``--json``, which every command has."""
    runs = click.option(
        "--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True,
        help="Directory that holds the runs.",
    )  # fmt: skip
    as_json = click.option(
        "--json", "output", is_flag=True, callback=lambda context, option, value: Output(value),
        help="Print one JSON document and nothing else on standard output.",
    )  # fmt: skip
    return runs(as_json(command))


def called() -> str:
    """What starts this command line here: its name where ``PATH`` finds it, else the path it was started by."""
    started = Path(sys.argv[0])
    found = shutil.which(NAME)
    if started.name != NAME or (found is not None and Path(found).resolve() == started.resolve()):
        return NAME
    return shlex.quote(str(started))


def spelled(value: Any) -> str:
    """A number or a word as a person reads it; a dash where there is none."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "–" if value is None else str(value)
