"""The rate limit of one endpoint, shared by all processes of a user on one host through a small file.

The file holds the turnstile and no address and no key; its name says which endpoint it is of. A lock
is held for well under a millisecond, never while waiting, and a process that dies lets go of what it
held. Other hosts have files of their own.
"""

import asyncio
import contextlib
import fcntl
import itertools
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import astuple, dataclass
from functools import cache
from io import FileIO
from pathlib import Path
from typing import Final

from sandbox.canonical import digest
from sandbox.errors import ModelFault
from sandbox.models.rate import Rate, Ticket, Turnstile
from sandbox.sockets import held, own_directory, shared_directory

#: Seconds between two looks at the file while somebody waits: another process may have let it go.
_LOOK: Final = 0.05
#: Seconds for which the lock is tried for at once, and after which it is tried for again.
_PATIENCE, _AGAIN = 0.02, 0.005
_UNUSED_SECONDS: Final = 24 * 3600.0
_Change = Callable[[Turnstile], None]


@cache
def shared_file(address: str, key_variable: str | None, rate: Rate) -> Path:
    """The file of an endpoint, since the host's last start: its clock begins there. Clears away those that
    nobody has used for a day."""
    directory = shared_directory()
    for old in directory.glob("rate-*"):
        with contextlib.suppress(FileNotFoundError):
            if old.stat().st_mtime < time.time() - _UNUSED_SECONDS:
                old.unlink()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return directory / f"rate-{digest([boot, address, key_variable, astuple(rate)])[:24]}"


@dataclass(frozen=True, slots=True)
class _Wish:
    """A request that waits."""

    client: str
    tokens: int
    granted: asyncio.Future[None]


class RateLimiter:
    """A turnstile with a clock, for the tasks of one event loop and all that share its file."""

    def __init__(self, rate: Rate, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._file, self._clock = file, clock
        self._owner = str(own_directory())
        self._changes: list[_Change] = []
        #: What waits here, by the name of its ticket.
        self._waiting: dict[int, _Wish] = {}
        self._alarm: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def admitted(self, client: int, tokens: int) -> AsyncIterator[int]:
        """Waits for the turn of ``client`` with a request of about ``tokens``, and holds it.

        Args:
            client: number of an episode of this process.
            tokens: an estimate, for ``settle`` to correct.

        Raises:
            ModelFault: the file cannot be written.
        """
        name = next(_NAMES)
        wish = _Wish(f"{self._owner}/{client}", tokens, asyncio.get_running_loop().create_future())
        self._waiting[name] = wish
        try:
            self._turn()
            await wish.granted
            yield name
        finally:
            self._waiting.pop(name, None)
            self._changes.append(lambda stile: self._with(stile, name, stile.leave))
            self._turn()

    def settle(self, name: int, tokens: int) -> None:
        """What a request did cost."""
        self._changes.append(
            lambda stile: self._with(stile, name, lambda ticket: stile.settle(ticket, tokens))
        )

    def pause(self, seconds: float) -> None:
        """Lets nobody go for ``seconds``: the endpoint asked for it."""
        until = self._clock() + seconds
        self._changes.append(lambda stile: stile.pause(until))
        self._turn()

    def _with(self, stile: Turnstile, name: int, act: Callable[[Ticket], None]) -> None:
        """Does ``act`` to this process's ticket of that name, unless it was lost with the file."""
        for ticket in list(stile.tickets):
            if ticket.owner == self._owner and ticket.name == name:
                act(ticket)

    def _turn(self) -> None:
        """Makes the changes, lets go whom it may, and sees to it that somebody looks again."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        try:
            after = self._change()
        except OSError as error:
            after = None
            self._fail(ModelFault(f"the shared rate limit cannot be kept ({error.strerror})"))
        if after is not None:
            self._alarm = asyncio.get_running_loop().call_later(after, self._turn)

    def _change(self) -> float | None:
        """Seconds until the next look; None: nobody waits."""
        with _locked(self._file) as file:
            if file is None:
                return _AGAIN
            stile = _read(file, self.rate)
            for change in self._changes:
                change(stile)
            self._join(stile)
            stile.keep_only({one.owner for one in stile.tickets if held(Path(one.owner))})
            now = self._clock()
            stile.admit(now)
            _write(file, stile)
        self._changes.clear()
        for ticket in stile.tickets:
            if ticket.owner == self._owner and ticket.admitted is not None and ticket.name in self._waiting:
                _end(self._waiting.pop(ticket.name), None)
        if not self._waiting:
            return None
        opens = stile.opens(now)
        return _LOOK if opens is None else min(max(opens - now, 0.001), _LOOK)

    def _join(self, stile: Turnstile) -> None:
        """Queues what waits here and is not queued: it is new, or the file was lost."""
        queued = {one.name for one in stile.tickets if one.owner == self._owner}
        for name, wish in self._waiting.items():
            if name not in queued:
                stile.join(wish.client, wish.tokens, self._owner, name)

    def _fail(self, fault: ModelFault) -> None:
        for wish in self._waiting.values():
            _end(wish, fault)
        self._waiting.clear()


#: Over all limiters of this process, which share its name as an owner.
_NAMES: Final = itertools.count()


def _end(wish: _Wish, fault: ModelFault | None) -> None:
    # Done where its task was cancelled.
    if not wish.granted.done():
        wish.granted.set_result(None) if fault is None else wish.granted.set_exception(fault)


@contextmanager
def _locked(path: Path) -> Iterator[FileIO | None]:
    """The file, locked; None if another process has held it for too long."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    with FileIO(descriptor, "r+") as file:
        last = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= last:
                    yield None
                    return
                time.sleep(0.0005)
            else:
                yield file
                return


def _read(file: FileIO, rate: Rate) -> Turnstile:
    """The turnstile in ``file``; a fresh one where there is none, or none that can be read."""
    try:
        return Turnstile.from_json(rate, json.loads(file.readall()))
    except (ValueError, TypeError):
        return Turnstile(rate)


def _write(file: FileIO, stile: Turnstile) -> None:
    # In place, by one call that a killed process has made or not made.
    content = json.dumps(stile.as_json(), separators=(",", ":")).encode("ascii")
    os.pwrite(file.fileno(), content, 0)
    file.truncate(len(content))
