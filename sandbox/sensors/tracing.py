"""One ``bpftrace`` for all boxes of this process, started by the first that asks for it."""

import contextlib
import os
import platform
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sandbox.sensors.refusals import Box, Canary, Language, Refusal

#: Seconds in which it must have attached; it takes one to three.
START_SECONDS: Final = 30.0
_LINE_BYTES: Final = 4_096
#: Kinds of calls of all boxes at a time that are counted; beyond, each call is told.
_MOST_COUNTED: Final = 16_384
_TYPES: Final = Path("/sys/kernel/btf/vmlinux")
#: The tracing file system is mounted for this one process, since a host need not have it mounted.
_COMMAND: Final = (
    "unshare", "--mount", "--propagation", "private", "sh", "-c",
    '[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing; exec bpftrace -f json -B line -e "$1"',
    "sh",
)  # fmt: skip

#: Takes what was told of one box, or how much of what all boxes did went untold; called on the trace's thread.
Take = Callable[[Refusal | Canary | int], None]


def missing() -> str | None:
    """Why this host cannot have a trace, as far as can be said without starting one; None if it may."""
    if os.geteuid() != 0:
        return "this user may not trace the kernel"
    for program in ("bpftrace", "unshare", "mount"):
        if shutil.which(program) is None:
            return f"there is no {program}"
    if not _TYPES.exists():
        return "the kernel does not describe its types (BTF)"
    try:
        Language(platform.machine())
    except KeyError as error:
        return f"no system call numbers of {error.args[0]}"
    return None


class Trace:
    """A running ``bpftrace``. It ends with this process, whose pipe it writes into once a second."""

    def __init__(self) -> None:
        """Returns once it has attached, or has failed to: ``absent`` then says why."""
        self._boxes: dict[Box, Take] = {}
        self._lock = threading.Lock()
        self._attached = threading.Event()
        #: Whether it ever attached.
        self.began = False
        self.absent = missing()
        if self.absent is None:
            self._start()

    def watch(self, box: Box, take: Take) -> None:
        """Gives what is told of a box to ``take``, from now on."""
        with self._lock:
            self._boxes[box] = take

    def forget(self, box: Box) -> None:
        """Gives no more of a box."""
        with self._lock:
            self._boxes.pop(box, None)

    def close(self) -> None:
        """Ends it."""
        if self.began:
            self._process.kill()
            self._reader.join()

    def _start(self) -> None:
        self._language = Language(platform.machine())
        # A session of its own: Ctrl-C is for the run, which then still closes its boxes.
        self._process = subprocess.Popen(
            [*_COMMAND, self._language.program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "BPFTRACE_MAP_KEYS_MAX": str(_MOST_COUNTED)},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, name="trace", daemon=True)
        self._reader.start()
        if not self._attached.wait(START_SECONDS):
            self._process.kill()
            self._reader.join()
            self.absent = f"bpftrace did not attach within {START_SECONDS:.0f} s"

    def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        last = "it said nothing"
        for line in iter(lambda: stdout.readline(_LINE_BYTES), b""):
            try:
                told = self._language.read(line)
            except (ValueError, KeyError):
                # What it says of itself is no fact; once it has attached, a fact may have been lost with it.
                last = line.decode("utf-8", "replace").strip()[:200] or last
                told = 1
            if self.began:
                self._give(told)
            elif told == "ready":
                self.began = True
                self._attached.set()
        stdout.close()
        self._process.wait()
        self.absent = f"bpftrace ended: {last}"
        self._attached.set()
        self._give(1)

    def _give(self, told: Refusal | Canary | str | int) -> None:
        with self._lock:
            if isinstance(told, int):
                takers = list(self._boxes.values())
            elif isinstance(told, str):
                return
            else:
                takers = [take] if (take := self._boxes.get(told.box)) is not None else []
        for take in takers:
            with contextlib.suppress(RuntimeError):  # the box's loop is closed: nobody asks any more
                take(told)


_LOCK: Final = threading.Lock()
_TRACES: Final[dict[int, Trace]] = {}


def shared_trace() -> Trace:
    """The trace of this process; blocks while it starts. One that attached and ended is started again."""
    with _LOCK:
        trace = _TRACES.get(os.getpid())
        if trace is None or (trace.began and trace.absent is not None):
            trace = _TRACES[os.getpid()] = Trace()
        return trace
