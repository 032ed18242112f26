"""``tidegauge completion``: the script that teaches a shell this command line."""

from pathlib import Path

import click
from click.shell_completion import get_completion_class

from experiments.commands.common import Output, shared

_PROGRAM = "tidegauge"
#: Where click looks for a shell's question.
_VARIABLE = "_TIDEGAUGE_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
@shared
def completion(context: click.Context, shell: str, runs: Path, output: Output) -> int:
    """Print the script that completes commands in SHELL.

    It completes commands, options, runs, checkpoints, policies, suites and task ids.

    Put the example's line into ~/.bashrc, or with zsh in place of bash into ~/.zshrc; for fish write
    `tidegauge completion fish | source` into ~/.config/fish/config.fish.

    \b
    Example:
      eval "$(tidegauge completion bash)"
    """
    del runs
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click has no completion for {shell}")
    script = kind(context.find_root().command, {}, _PROGRAM, _VARIABLE).source()
    output.show(script, {"shell": shell, "script": script})
    return 0
