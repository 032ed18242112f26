"""``tidegauge run``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.common import Command, Output, called, shared
from experiments.commands.completing import config_names

if TYPE_CHECKING:
    from experiments.running.running import Result

LOST_OR_UNGRADED = 4


def asking(command: Command) -> Command:
    """Adds CONFIG and the options that say what of it is run, and how."""
    for option in (
        click.option(
            "--slots", type=click.IntRange(min=1),
            help="Episodes at a time on this machine; two for each processor if left out.",
        ),
        click.option(
            "--limit", type=click.IntRange(min=0), help="At most so many missing episodes, in plan order."
        ),
        click.option("--local", is_flag=True, help="One process, no Ray."),
        click.option(
            "--set", "overrides", multiple=True, metavar="a.b.0=YAML", help="Replace one value of the config."
        ),
        click.argument("config", type=click.Path(path_type=Path), shell_complete=config_names),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command()
@asking
@shared
def run(
    config: Path,
    overrides: tuple[str, ...],
    local: bool,
    limit: int | None,
    slots: int | None,
    runs: Path,
    output: Output,
) -> int:
    """Run what CONFIG asks for and is missing.

    CONFIG is a file or a shipped name. Scores, monitors, logs and judges. Running it again resumes; new
    checkpoints and more repeats extend the run. Exit 0: every episode asked for has a result; 4: some are
    lost or ungraded. The verdict does not change the exit code.

    \b
    Example:
      tidegauge run quickstart
      tidegauge run my.yaml --set repeats=8 --set models.0.checkpoints.3=2000 --limit 20
    """
    from experiments.planning.loading import find_config, job_address
    from experiments.running.running import Request
    from experiments.running.running import run as run_request

    request = Request(find_config(config), overrides, runs, local, limit, slots)
    if not local and (address := job_address(request.config, overrides)) is not None:
        from experiments.running.ray_job import run_as_job

        return run_as_job(address, request, json=output.json, say=output.say, show=click.echo)
    result = run_request(request, output.say)
    output.show(result_text(result), result_document(result))
    return 0 if result.outcome.complete else LOST_OR_UNGRADED


def result_document(result: "Result") -> dict[str, Any]:
    """The run's document of contract.md section 1."""
    outcome = result.outcome
    return {
        "run": outcome.run,
        "episodes": outcome.episodes,
        "lost": outcome.lost,
        "ungraded": outcome.ungraded,
        "pending": outcome.pending,
        "verdict": result.verdict.outcome,
        "directory": str(result.view.directory),
    }


def result_text(result: "Result") -> str:
    """What a run leaves, for a person: the result table, the counts, the verdict and where to look."""
    from experiments.results.printed import render
    from experiments.results.table import result_table
    from experiments.running.concluding import REPORT

    outcome, directory = result.outcome, result.view.directory
    counts = ", ".join(f"{status} {n}" for status, n in outcome.episodes.items()) or "none"
    missing = f"lost {outcome.lost}, ungraded {outcome.ungraded}, pending {outcome.pending}"
    return "\n".join(
        [
            render(result_table(result.view)),
            f"run       {outcome.run}",
            f"episodes  {counts}; {missing}",
            f"verdict   {result.verdict.outcome} (policy {result.verdict.policy.name})",
            *(f"          - {reason}" for reason in result.verdict.reasons),
            f"report    {directory / REPORT}",
            f"trend     {called()} ui --runs {directory.parent}",
        ]
    )
