"""What process 1 can know of the agent's processes: a look at /proc, many times a second."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Iterable

from privileges import AGENT, ROOTED, in_child

_ARGV_BYTES = 1_000
#: After that many, processes are counted and no longer described.
MAX_REPORTS = 5_000
#: Processes that are named as left running, and bytes of the arguments of each.
MAX_LEFT, _LEFT_BYTES = 20, 200
#: The bit of SIGKILL among pending signals; PF_EXITING among a thread's flags.
_KILLED, _EXITING = 1 << (signal.SIGKILL - 1), 0x4
_CANARY_SECONDS = 5.0
_DONE = "done"
#: Processes of the box that are its own besides process 1; an agent that is root may take any user's number, so
#: all others are the agent's then.
OWN: set[int] = set()


def alive(user: int = AGENT) -> list[int]:
    """The pids of ``user``, the dead left out; where the agent is root, of everybody but ``OWN``.

    Read from ``status``: an undumpable process's /proc directory belongs to root.
    """
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/status", "rb") as file:
                    status = file.read(2_000)
            except OSError:
                continue  # it has ended
            theirs = int(name) not in {1, *OWN} if ROOTED else _field(status, b"Uid") == b"%d" % user
            if theirs and not _dead(status):
                found.append(int(name))
    return found


def _dead(status: bytes) -> bool:
    """Whether no thread of a process runs any more. One whose first thread ended is shown as a
    zombie however many others go on; an ended one counts itself alone."""
    return _field(status, b"State") == b"Z" and _field(status, b"Threads") in (b"0", b"1")


def _field(status: bytes, name: bytes) -> bytes:
    """The first word of a line of ``/proc/PID/status``."""
    words = status.partition(b"\n" + name + b":\t")[2].partition(b"\n")[0].split()
    return words[0] if words else b""


def left_running(programs: Iterable[int]) -> list:
    """``[pid, argv]`` of the agent's processes that do not come from one of ``programs``, which still run:
    whoever started them has ended. The first ones; one that was killed and has only not gone yet is none."""
    parents, names = {}, {}
    for pid in alive():
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                name, _, fields = file.read(2_000).rpartition(b")")
        except OSError:
            continue  # it has ended
        parents[pid], names[pid] = int(fields.split()[1]), name.partition(b"(")[2]
    own, before = set(programs), 0
    while len(own) > before:
        before = len(own)
        own |= {pid for pid, parent in parents.items() if parent in own}
    left = []
    for pid in sorted(parents.keys() - own)[:MAX_LEFT]:
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                argv = file.read(_LEFT_BYTES) or names[pid]  # one whose first thread ended shows none
        except OSError:
            continue
        if _going(pid):
            continue
        left.append([pid, [word.decode("utf-8", "replace") for word in argv.rstrip(b"\0").split(b"\0")]])
    return left


def _going(pid: int) -> bool:
    """Whether no thread of a process will run an instruction of its program again."""
    place = f"/proc/{pid}/task"
    try:
        threads = os.listdir(place)
        # A thread that goes may have begun another one meanwhile.
        return all(_thread_going(f"{place}/{thread}") for thread in threads) and {*threads} >= {
            *os.listdir(place)
        }
    except OSError:
        return True  # it has ended


def _thread_going(place: str) -> bool:
    """Whether a thread was killed, or is on its way out."""
    try:
        with open(f"{place}/status", "rb") as file:
            status = file.read(2_000)
        with open(f"{place}/stat", "rb") as file:
            flags = int(file.read(2_000).rpartition(b")")[2].split()[6])
    except OSError:
        return True  # it has ended
    pending = int(_field(status, b"SigPnd"), 16) | int(_field(status, b"ShdPnd"), 16)
    return bool(pending & _KILLED or flags & _EXITING)


class Census:
    """Reports each process once, and again when it runs another program."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, bytes]] = {}
        self.reports = 0
        self.unreported = 0

    def look(self) -> list[dict]:
        """The newly seen processes as ``{pid, ppid, started, argv}``."""
        pids = alive()
        self._seen = {pid: known for pid, known in self._seen.items() if pid in pids}
        found = []
        for pid in pids:
            try:
                with open(f"/proc/{pid}/stat", "rb") as file:
                    # Fields after the name in brackets: state, ppid, …; the 20th is the start.
                    fields = file.read(2_000).rpartition(b")")[2].split()
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    argv = file.read(_ARGV_BYTES)
            except OSError:
                continue  # it has ended
            key = int(fields[19]), argv
            if self._seen.get(pid) == key:
                continue
            self._seen[pid] = key
            if self.reports >= MAX_REPORTS:
                self.unreported += 1
                continue
            self.reports += 1
            words = [word.decode("utf-8", "replace") for word in argv.rstrip(b"\0").split(b"\0")]
            found.append({"pid": pid, "ppid": int(fields[1]), "started": key[0], "argv": words})
        return found


def canary(act: Callable[[], None]) -> tuple[bool, str | None]:
    """Whether a process of the agent's user is seen, and why ``act`` failed in it, or None: the
    sensors prove themselves."""
    read, write = os.pipe()
    pid = in_child(AGENT, lambda: _sing(write, act))
    os.close(write)
    try:
        os.read(read, 1)
        seen = pid in alive()
        ready, _, _ = select.select([read], [], [], _CANARY_SECONDS)
        said = os.read(read, 200).decode() if ready else "nobody answered its calls"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(read)
    return seen, None if said == _DONE else said


def _sing(write: int, act: Callable[[], None]) -> None:
    os.write(write, b".")
    try:
        act()
        said = _DONE
    except OSError as error:
        said = str(error)
    os.write(write, said.encode())
    signal.pause()


def kill_all(reap: Callable[[], None], seconds: float = 10.0) -> int | None:
    """Ends every process of the agent's user; how many there were, or None if some are left.

    ``reap`` collects ended children, so that their places in the box's process limit are free.

    A child that has become the agent's user signals all of them in one call, which outruns a fork
    bomb; process 1 then ends who stopped that child. That call is made once even where nobody is
    seen: what hides from /proc does not hide from it.
    """
    victims: set[int] = set()
    until = time.monotonic() + seconds
    swept = False
    while (left := alive()) or not swept:
        if time.monotonic() > until:
            return None
        victims.update(left)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        reap()
        try:
            # kill(-1) as that user reaches all of them and neither process 1 nor the forwarder.
            if ROOTED:
                _sweep()
            else:
                _end(in_child(AGENT, lambda: os.kill(-1, signal.SIGKILL)))
            swept = True
        except BlockingIOError:
            time.sleep(0.01)  # the box's process limit is reached: the dead first have to go
    return len(victims)


def _sweep() -> None:
    """Signals everybody but process 1: there is no user whose processes are the agent's alone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)


def _end(pid: int) -> None:
    if wait_for(pid, 0.1) is None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def wait_for(pid: int, seconds: float) -> int | None:
    """The status of a child that ends within ``seconds``, else None: the agent's other processes
    can stop one that has become its user."""
    until = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() > until:
            return None
        time.sleep(0.002)
