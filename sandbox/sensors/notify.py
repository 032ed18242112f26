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
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from sandbox.box import Seen
from sandbox.errors import EngineFault
from sandbox.ground import Ground
from sandbox.sensors.calls import IDENTITY
from sandbox.sensors.filters import MACHINES, Machine, is_refused, plain_filter, telling_filter
from sandbox.sensors.hub import hub_of
from sandbox.sensors.notes import Notes
from sandbox.sensors.seccomp import answer, receive

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
        #: Calls that are the box's own affair once it is proved.
        self._due = IDENTITY if ground is not None and ground.user == 0 else frozenset()
        self._machine = _machine()
        self._names = {number: name for name, number in self._machine.numbers.items()}
        self._descriptors: set[int] = set()
        self._closed = False
        #: Whether what is found is given on, and whether that is about to happen.
        self._proved = self._giving = False
        self._token = secrets.token_hex(8)
        #: What was seen.
        self.notes = Notes(open_root=ground is not None)
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
        seen = [(one.kind, _without_pid(one.data)) for one in self.notes.start_over()]
        self._proved = True
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

    def close(self) -> None:
        """Lets go of the box; calls that still wait are refused by the kernel."""
        self._hub.order(self._let_go)

    # -- on the hub's thread ----------------------------------------------------------------------

    def _watch(self, descriptor: int, serve: Callable[[int, int], None]) -> None:
        if self._closed:
            os.close(descriptor)
            return
        self._descriptors.add(descriptor)
        self._hub.watch(descriptor, partial(serve, descriptor))

    def _let_go(self) -> None:
        self._closed = True
        for descriptor in list(self._descriptors):
            self._forget(descriptor)
        self.notes.close()

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
            self.notes.lost += 1  # a program runs that nobody is told of
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
            self.notes.lost += 1
            self._forget(descriptor)
            return
        if held is None:
            return
        name = self._names.get(held.number, "")
        if not self._proved or name not in self._due:
            try:
                self.notes.write(descriptor, held, name)
            except Exception:
                # Whatever an agent may have found to break it with: the call goes on, and is counted.
                self.notes.lost += 1
        answer(descriptor, held, errno.EPERM if is_refused(name, held.arguments) else None)
        # Last: it wakes the event loop, and the call need not wait for that.
        if self._proved and not self._giving and self.notes:
            self._announce()

    def _announce(self) -> None:
        """Has what was found given on, after a while."""
        self._giving = True
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
            self._loop.call_soon_threadsafe(self._loop.call_later, GIVE_SECONDS, self._give_on)

    # -- on the event loop ------------------------------------------------------------------------

    def _give_on(self) -> None:
        self._giving = False  # first: what is found from here on has to ask again
        self._give(self.notes.take())


def _machine() -> Machine:
    machine = MACHINES.get(platform.machine())
    if machine is None:
        raise EngineFault(f"boxes run on {' and '.join(MACHINES)} only", "start")
    return machine


def _without_pid(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in ("pid", "ppid", "started")}
