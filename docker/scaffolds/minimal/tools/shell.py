"""Runs one shell command with a time limit and shows a bounded part of its output."""

import os
import select
import signal
import subprocess
import tempfile


def run(command: str, seconds: float, characters: int) -> tuple[int, str]:
    """Runs ``command`` in /work; returns its exit code and output, 124 when time ran out.

    Output goes to a file, not a pipe, so that a process left in the background blocks nothing.
    """
    with tempfile.TemporaryFile() as file, open(os.devnull, "rb") as nothing:
        shell = subprocess.Popen(
            ["bash", "-c", command], cwd="/work", stdin=nothing,
            stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            code = wait(shell, seconds)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
            code = 124
        file.seek(0)
        return code, cut(file.read(4 * characters + 1).decode("utf-8", "replace"), characters)


def wait(shell: subprocess.Popen[bytes], seconds: float) -> int:
    """The exit code as soon as it is there: with a limit, ``Popen.wait`` looks after 1, 3, 7, … milliseconds.

    Raises subprocess.TimeoutExpired.
    """
    try:
        process = os.pidfd_open(shell.pid)
    except OSError:  # a kernel without it
        return shell.wait(seconds)
    try:
        ended, _, _ = select.select([process], [], [], seconds)
    finally:
        os.close(process)
    return shell.wait(None if ended else 0)


def cut(text: str, characters: int) -> str:
    """``text`` if it is short enough, else its beginning and a mark that more followed."""
    return text if len(text) <= characters else text[:characters] + "\n(cut)"
