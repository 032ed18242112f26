"""What a shell completes: names read from disk, cheaply, and never an error."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

_CODE = Path(__file__).parent.parent
#: Bytes of a plan that are read for its checkpoints.
_PLAN_BYTES = 1 << 20


def run_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Runs under ``--runs``, by name."""
    del parameter
    return _starting(incomplete, (path.name for path in _runs(context)))


def suite_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Suites under ``--runs``: a run's directory is <suite>-<hash>."""
    del parameter
    return _starting(incomplete, (path.name.rpartition("-")[0] for path in _runs(context)))


def config_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files, and shipped configs by name."""
    del context, parameter
    shipped = _starting(incomplete, (path.stem for path in (_CODE / "configs").glob("*.yaml")))
    return [*shipped, CompletionItem(incomplete, type="file")]


def policy_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Shipped policies by name, else files."""
    del context, parameter
    shipped = _starting(incomplete, (path.stem for path in (_CODE / "policies").glob("*.yaml")))
    return shipped or [CompletionItem(incomplete, type="file")]


def task_ids(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of the suite's tasks."""
    del context, parameter
    suite = _CODE.parent / "tasks" / "suite"
    found = (path.parent.relative_to(suite).as_posix() for path in suite.glob("*/*/task.toml"))
    return _starting(incomplete, found)


def checkpoint_names(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Checkpoints of the RUN that stands on the line."""
    del parameter
    # An option that still lacks its value ends click's reading early: RUN is then among the rest.
    name = context.params.get("name") or next(iter(context.args), None)
    if not isinstance(name, str):
        return []
    for directory in (Path(name), _runs_directory(context) / name):
        if (directory / "plan.jsonl").is_file():
            return _starting(incomplete, _planned(directory / "plan.jsonl"))
    return []


def _planned(plan: Path) -> Iterator[str]:
    with plan.open("rb") as file:
        for line in file.readlines(_PLAN_BYTES):
            try:
                checkpoint = json.loads(line)["checkpoint"]
                yield f"{checkpoint['family']}/{checkpoint['name']}"
            except (ValueError, KeyError, TypeError):
                # A line that is being written, or a file that is no plan: there is nothing to offer.
                return


def _runs_directory(context: click.Context) -> Path:
    given = context.params.get("runs")
    return given if isinstance(given, Path) else Path("runs")


def _runs(context: click.Context) -> Iterator[Path]:
    found = (path.parent for path in _runs_directory(context).glob("*/experiment.yaml"))
    return (path for path in found if not path.name.startswith("."))


def _starting(incomplete: str, names: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in sorted(set(names)) if name.startswith(incomplete)]
