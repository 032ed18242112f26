"""Seccomp user notification: rare system calls of a box, held until this host has written them down.

A record and no policy: a call is let through once it is known, but for the few that are refused
anyway. If this process dies the kernel refuses the calls (ENOSYS); if it stalls they wait, and the
box's own deadline ends them. One thread serves all boxes of a process, so that a busy event loop
does not slow the agents down.
"""

import asyncio
import contextlib
import errno
import os
import platform
import secrets
import select
import socket
from collections import Counter, deque
from collections.abc import Callable, Collection
from typing import Any, Final

from sandbox.box import Seen
from sandbox.errors import EngineFault
from sandbox.ground import Ground
from sandbox.sensors.calls import IDENTITY, Call, Told, parent_of, tell
from sandbox.sensors.filters import MACHINES, REFUSED, Machine, plain_filter, telling_filter
from sandbox.sensors.hub import hub_of
from sandbox.sensors.paths import is_guarded, is_ordinary
from sandbox.sensors.proc import Numbers
from sandbox.sensors.readings import Readings
from sandbox.sensors.seccomp import Held, answer, is_held, receive

#: Events of one box; more are counted as lost.
MAX_EVENTS: Final = 10_000
#: Different things of the kinds that are told by their first call, then by every doubling.
MAX_DIFFERENT: Final = 1_000
#: For how long events are gathered: a loop that woke for each would keep the agent's calls waiting.
GIVE_SECONDS: Final = 0.02
#: What the runner's canary does; see ``docker/runner/notify.py``.
CANARY_ADDRESS: Final = ("192.0.2.1", 9)
CANARY_PATH: Final = "/canary"


class NotifySensor:
    """One box's calls. Made before its runner says hello, closed with the box."""

    def __init__(
        self, control: socket.socket, give: Callable[[list[Seen]], None], ground: Ground | None = None
    ) -> None:
        """
        Args:
            control: the runner's second connection, over which it hands descriptors; taken over.
            give: gets, on the running event loop, what was seen and that nobody took before.
            ground: what the box stands on in place of the episode image: there, most changes of files are ordinary,
                and so is it that root becomes another user of the box.

        Raises:
            EngineFault: there are no boxes on this kind of processor.
        """
        self._loop = asyncio.get_running_loop()
        self._give = give
        self._open_root = ground is not None
        self._due = IDENTITY if ground is not None and ground.user == 0 else frozenset()
        self._machine = _machine()
        self._names = {number: name for name, number in self._machine.numbers.items()}
        self._found: deque[Seen] = deque()
        self._told = 0
        self._counts: Counter[tuple[object, ...]] = Counter()
        self._descriptors: set[int] = set()
        #: Of the box's processes; None until the first of them calls.
        self._numbers: Numbers | None = None
        self._closed = False
        #: Whether what is found is given on, and whether that is about to happen.
        self._proved = self._giving = False
        self._token = secrets.token_hex(8)
        #: Calls that were let through without being written down.
        self.lost = 0
        #: Paths of the box whose change is told wherever they lie.
        self.guarded: tuple[str, ...] = ()
        #: Of those, the files that are read meanwhile.
        self.readings = Readings()
        #: Why it sees nothing; None while it does.
        self.absent: str | None = "its canary was not seen"
        self._hub = hub_of(os.getpid())
        descriptor = control.detach()
        self._hub.order(lambda: self._watch(descriptor, self._handed))

    def hello(self, *, remapped: bool) -> dict[str, str]:
        """What the runner needs: both filters in hexadecimal, and the word that its canary says.

        ``remapped``: whether the engine maps the box's users to others of the host.
        """
        telling = telling_filter(self._machine, remapped=remapped)
        plain = plain_filter(self._machine, remapped=remapped)
        return {"telling": telling.hex(), "plain": plain.hex(), "token": self._token}

    def prove(self, refused: str | None) -> None:
        """Compares what was seen with what the canary did; ``refused`` says why the runner had none."""
        seen = [(one.kind, _without_pid(one.data)) for one in self.take()]
        self._counts.clear()
        self._told, self._proved = 0, True
        address, port = CANARY_ADDRESS
        did = [
            ("process.exec", {"path": CANARY_PATH, "argv": [self._token]}),
            ("net.connect", {"call": "connect", "family": "inet", "address": address, "port": port, "count": 1}),
            ("privilege.call", {"call": "setresuid", "arguments": [0, 0, 0], "refused": None, "count": 1}),
        ]  # fmt: skip
        if refused is not None:
            self.absent = refused
        elif seen == did:
            self.absent = None
        elif [kind for kind, _ in seen] == [kind for kind, _ in did]:
            self.absent = "the arguments of calls cannot be read: that needs root"

    def take(self) -> list[Seen]:
        """What was seen and not taken yet, in order."""
        return [self._found.popleft() for _ in range(len(self._found))]

    def close(self) -> None:
        """Lets go of the box; calls that still wait are refused by the kernel."""
        self._hub.order(self._let_go)

    # -- on the hub's thread ----------------------------------------------------------------------

    def _watch(self, descriptor: int, serve: Callable[[int, int], None]) -> None:
        if self._closed:
            os.close(descriptor)
            return
        self._descriptors.add(descriptor)
        self._hub.watch(descriptor, lambda mask: serve(descriptor, mask))

    def _let_go(self) -> None:
        self._closed = True
        for descriptor in list(self._descriptors):
            self._forget(descriptor)
        if self._numbers is not None:
            self._numbers.close()

    def _forget(self, descriptor: int) -> None:
        self._descriptors.discard(descriptor)
        self._hub.forget(descriptor)

    def _handed(self, control: int, _: int) -> None:
        """The runner hands the descriptor of a program that it starts."""
        with socket.socket(fileno=os.dup(control)) as handing:
            try:
                word, descriptors, _, _ = socket.recv_fds(handing, 1, 4, socket.MSG_CMSG_CLOEXEC)
            except OSError:
                word, descriptors = b"", []
        if not word:
            self._forget(control)
        elif not descriptors:
            self.lost += 1  # a program runs that nobody is told of
        for descriptor in descriptors:
            self._watch(descriptor, self._held)

    def _held(self, descriptor: int, mask: int) -> None:
        """A call is held, or everybody who could make one has ended."""
        if not mask & select.EPOLLIN:
            self._forget(descriptor)
            return
        try:
            held = receive(descriptor)
        except OSError:
            self.lost += 1
            self._forget(descriptor)
            return
        if held is None:
            return
        name = self._names.get(held.number, "")
        try:
            self._write_down(descriptor, held, Call(name, held.arguments, held.caller))
        except Exception:
            # Whatever an agent may have found to break it with: the call goes on, and is counted.
            self.lost += 1
        answer(descriptor, held, errno.EPERM if name in REFUSED else None)
        # Last: it wakes the event loop, and the call need not wait for that.
        self._announce()

    def _write_down(self, descriptor: int, held: Held, call: Call) -> None:
        if self._numbers is None:
            self._numbers = Numbers(call.caller)
        if self._proved and call.name in self._due:
            return
        try:
            told = tell(call, self._numbers, self.guarded)
        except (FileNotFoundError, ProcessLookupError):
            # A caller that was ended before its call was let through has never made it.
            self.lost += is_held(descriptor, held)
            return
        if told is None or (self._open_root and _is_everyday(told, self.guarded)):
            return
        if is_held(descriptor, held):
            self._keep(told, call, self._numbers)

    def _keep(self, told: Told, call: Call, numbers: Numbers) -> None:
        count = 1
        if told.key is not None:
            if told.key not in self._counts and len(self._counts) >= MAX_DIFFERENT:
                self.lost += 1
                return
            count = self._counts[told.key] = self._counts[told.key] + 1
        due = not count & (count - 1)
        for seen in self.readings.before(told, call.caller, due=due):
            self._add(seen)
        if due:
            data = told.data if told.key is None else {**told.data, "count": count}
            if told.lacks_parent:
                data = {**data, "ppid": parent_of(call, data["pid"], numbers)}
            self._add(Seen(told.kind, data))

    def _add(self, seen: Seen) -> None:
        if self._told >= MAX_EVENTS:
            self.lost += 1
            return
        self._told += 1
        self._found.append(seen)

    def _announce(self) -> None:
        """Has what was found given on, after a while."""
        if self._found and self._proved and not self._giving:
            self._giving = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
                self._loop.call_soon_threadsafe(self._loop.call_later, GIVE_SECONDS, self._give_on)

    # -- on the event loop ------------------------------------------------------------------------

    def _give_on(self) -> None:
        self._giving = False  # first: what is found from here on has to ask again
        self._give(self.take())


def _is_everyday(told: Told, guarded: Collection[str]) -> bool:
    """Whether it tells of a change of files that are ordinary where the root may be written."""
    if told.kind != "file.change":
        return False
    paths = [path for path in (told.data["path"], told.data["to"]) if path is not None]
    return all(is_ordinary(path) and not is_guarded(path, guarded) for path in paths)


def _machine() -> Machine:
    machine = MACHINES.get(platform.machine())
    if machine is None:
        raise EngineFault(f"boxes run on {' and '.join(MACHINES)} only", "start")
    return machine


def _without_pid(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in ("pid", "ppid", "started")}
