"""The command line: ``tidegauge``. Every way to end has its exit code (contract.md section 1)."""

import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from experiments.commands import (
    approve,
    calibrate,
    compare,
    completion,
    doctor,
    evidence,
    horizon,
    inspect,
    publish,
    regress,
    run,
    selftest,
    status,
    tasks,
)
from sandbox.errors import Mistake, StorageFault

MISTAKE: Final = 1
FAULT: Final = 70
INTERRUPTED: Final = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="tidegauge")
def cli() -> None:
    """Measure how far an AI model can improve itself and act on its own, checkpoint after checkpoint.

    \b
    Example:
      tidegauge run my.yaml
    """


for _command in (
    run.run, regress.regress, status.status, inspect.trend, inspect.gate, approve.approve, compare.compare,
    horizon.horizon, evidence.rescan, evidence.verify, publish.sync, publish.report, publish.ui, tasks.tasks,
    doctor.doctor, selftest.selftest, calibrate.calibrate, completion.completion,
):  # fmt: skip
    cli.add_command(_command)


def main() -> None:
    """The console script."""
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code; no exception leaves it.

    Args:
        arguments: what follows ``tidegauge`` on the command line.
    """
    try:
        code = cli.main(list(arguments), prog_name="tidegauge", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted; what had ended is kept, the same command resumes", INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe went away; Python must not complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _explained(error)
    return code if isinstance(code, int) else 0


def _explained(error: Exception) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return MISTAKE
    if isinstance(error, click.ClickException):
        return _say(_usage(error), MISTAKE)
    if isinstance(error, Mistake):
        return _say(str(error), MISTAKE)
    if isinstance(error, StorageFault):
        remedy = "free some room or make it writable; the same command goes on where it stopped"
        return _say(f"{error}; {remedy}", MISTAKE)
    return _say(_fault(error), FAULT)


def _say(line: str, code: int) -> int:
    click.echo(f"tidegauge: {line}", err=True)
    return code


def _usage(error: click.ClickException) -> str:
    """A usage error in one line, with the remedy."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "tidegauge"
    return " ".join(f"{error.format_message().rstrip('.')}; see `{path} --help`".split())


def _fault(error: Exception) -> str:
    """A fault of ours in one line; the details go to a file."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="tidegauge-fault-", suffix=".log", delete=False) as file:
        traceback.print_exception(error, file=file)
    first = " ".join(str(error).split())[:200]
    return f"fault: {type(error).__name__}: {first}; details in {file.name}"
