"""Runs one shell command with a time limit and shows a bounded part of its output."""

import os
import signal
import subprocess
import tempfile


def run(command: str, seconds: float, characters: int) -> tuple[int, str]:
    """Runs ``command`` in /work; returns its exit code and output, 124 when time ran out.

    Output goes to a file, not a pipe, so that a process left in the background blocks nothing.
    """
    with tempfile.TemporaryFile() as file:
        shell = subprocess.Popen(
            ["bash", "-c", command], cwd="/work", stdin=subprocess.DEVNULL,
            stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            code = shell.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
            code = 124
        file.seek(0)
        return code, cut(file.read(4 * characters + 1).decode("utf-8", "replace"), characters)


def cut(text: str, characters: int) -> str:
    """``text`` if it is short enough, else its beginning and a mark that more followed."""
    return text if len(text) <= characters else text[:characters] + "\n(cut)"
