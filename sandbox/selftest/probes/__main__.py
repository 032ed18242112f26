"""Tries every probe in a process of its own and prints the results as JSON.

Argument: the seconds that each may take."""

import json
import os
import select
import signal
import sys

from .kinds import PROBES
from .kit import Outcome, Probe, Untestable

_DETAIL = 300


def attempt(one: Probe, seconds: float) -> Outcome:
    """A probe's result, whatever becomes of the process that tries it."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _attempt(one, write)
    os.close(write)
    ready, _, _ = select.select([read], [], [], seconds)
    told = os.read(read, 4_096) if ready else b""
    if not ready:
        os.kill(pid, signal.SIGKILL)
    os.close(read)
    _, status = os.waitpid(pid, 0)
    if told:
        result, _, detail = told.decode("utf-8", "replace").partition("\n")
        return result, detail[:_DETAIL]
    if not ready:
        return "failed", f"no result within {seconds:.0f} s"
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS:
        return "held", "the process was ended for it (SIGSYS)"
    return "failed", f"the probe died (status {status})"


def _attempt(one: Probe, write: int) -> None:
    try:
        result, detail = one.attempt()
    except Untestable as error:
        result, detail = "untestable", str(error)
    except BaseException as error:
        result, detail = "failed", f"the probe broke: {type(error).__name__}: {error}"
    os.write(write, f"{result}\n{detail}".encode("utf-8", "replace")[:4_096])
    os._exit(0)


def main() -> None:
    """One document: name -> [result, detail]."""
    json.dump({one.name: attempt(one, float(sys.argv[1])) for one in PROBES}, sys.stdout)


if __name__ == "__main__":
    main()
