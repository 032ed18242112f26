"""``tidegauge regress``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.commands.common import Output, shared
from experiments.commands.compare import comparison_text
from experiments.commands.run import asking, result_document, result_text

if TYPE_CHECKING:
    from experiments.running.regress import Comparison


@click.command()
@asking
@click.option(
    "--baseline", metavar="CHECKPOINT", required=True,
    help="The earlier checkpoint: family/name, or RUN:family/name of the same hash.",
)  # fmt: skip
@shared
def regress(
    config: Path,
    overrides: tuple[str, ...],
    local: bool,
    limit: int | None,
    slots: int | None,
    baseline: str,
    runs: Path,
    output: Output,
) -> int:
    """Run what is new in CONFIG, compare it with a baseline, and judge.

    One command for cron, systemd, CI or a Ray job: run, sync, compare, gate, report. Checkpoints that the
    config's glob or command finds are run if they are new. Exit 0 clear, 2 crossed, 3 inconclusive, 4 invalid;
    1 if the run could not begin, for example because another driver is at work.

    \b
    Example:
      tidegauge regress my.yaml --baseline model/s1000
    """
    from experiments.planning.loading import find_config, job_address
    from experiments.running.regress import regress as regress_request
    from experiments.running.running import Request

    request = Request(find_config(config), overrides, runs, local, limit, slots, baseline)
    if not local and (address := job_address(request.config, overrides)) is not None:
        from experiments.running.ray_job import run_as_job

        return run_as_job(address, request, json=output.json, say=output.say, show=click.echo)
    result, comparison = regress_request(request, output.say)
    document = {
        **result.verdict.as_json(),
        **result_document(result),
        "ran": result.ran,
        "comparison": comparison.as_json() if comparison else None,
    }
    output.show("\n".join([result_text(result), "", _text(comparison)]), document)
    return result.verdict.exit_code


def _text(comparison: "Comparison | None") -> str:
    if comparison is None:
        return "compared  nothing: the run has no checkpoint besides the baseline"
    a, b = str(comparison.a.checkpoint), str(comparison.b.checkpoint)
    return comparison_text(a, b, comparison.rows)
