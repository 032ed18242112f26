"""Commands that show a run elsewhere: ``sync``, ``report``, ``ui``."""

import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from experiments.commands.common import Output, shared
from experiments.commands.completing import run_names


@click.command()
@click.argument("name", metavar="RUN", shell_complete=run_names)
@shared
def sync(name: str, runs: Path, output: Output) -> int:
    """Rebuild MLflow from the run directory.

    \b
    Example:
      tidegauge sync quickstart-68bbc6b1b550
    """
    from mlflow.exceptions import MlflowException

    from experiments.record.rundir import find_run, read_experiment
    from experiments.running.concluding import judged
    from experiments.tracking.store import sync as sync_store
    from sandbox.errors import Mistake

    directory = find_run(runs, name)
    view, verdict = judged(directory)
    uri = read_experiment(directory).config.get("tracking", {}).get("uri")
    try:
        summary = sync_store(view, verdict, uri=uri, say=output.say)
    except MlflowException as error:
        first = str(error).strip().split("\n", 1)[0]
        raise Mistake(
            first, where="MLflow", key="tracking.uri", remedy="start it, or correct the address"
        ) from error
    lines = [f"MLflow at {summary.uri}"]
    for part, counts in (("regressions", summary.regressions), ("trends", summary.trends)):
        lines.append(f"{part}: " + ", ".join(f"{n} {what}" for what, n in counts.items()))
    output.show("\n".join(lines), asdict(summary))
    return 0


@click.command()
@click.argument("name", metavar="RUN", shell_complete=run_names)
@click.option("--format", "form", type=click.Choice(["html", "md"]), default="html", show_default=True)
@shared
def report(name: str, form: str, runs: Path, output: Output) -> int:
    """Write the report of RUN.

    One self-contained page in the run directory, or Markdown on standard output; with --json all that it
    says as one document.

    \b
    Example:
      tidegauge report quickstart-68bbc6b1b550 --format md
    """
    from experiments.record import durable
    from experiments.record.rundir import find_run
    from experiments.running.concluding import REPORT, judged

    directory = find_run(runs, name)
    view, verdict = judged(directory)
    from experiments.reporting import report as reports

    if form == "md":
        text = reports.markdown(view, verdict)
        output.show(text, lambda: reports.document(view, verdict) | {"format": form, "text": text})
        return 0
    path = directory / REPORT
    durable.replace(path, reports.html(view, verdict).encode("utf-8"))
    output.show(str(path), lambda: reports.document(view, verdict) | {"format": form, "path": str(path)})
    return 0


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
@shared
def ui(port: int, runs: Path, output: Output) -> int:
    """Serve the MLflow UI on this project's store until Ctrl-C.

    \b
    Example:
      tidegauge ui --port 5001
    """
    from experiments.tracking.serving import HOST, check_port, server_command, server_environment
    from experiments.tracking.tracking import default_uri
    from sandbox.errors import Mistake

    if not (runs / "mlflow.db").is_file():
        raise Mistake("no MLflow store yet", where=str(runs), remedy="tidegauge run CONFIG makes one")
    check_port(port)
    address = f"http://{HOST}:{port}"
    output.show(
        f"MLflow UI at {address} in some seconds (Ctrl-C ends it)",
        {"url": address, "store": default_uri(runs)},
    )
    command = server_command(runs, port)
    sys.stdout.flush()
    os.dup2(2, 1)
    # In place of this process, so that whoever ends it ends the server.
    os.execve(command[0], command, server_environment())
