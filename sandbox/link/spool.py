"""Contents that come out of a box piece by piece, held without taking the host's memory."""

import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from sandbox.errors import BoxFault, StorageFault

#: Bytes of one collection that stay in memory; more goes to a file without a name.
IN_MEMORY: Final = 2**20
#: Files whose pieces are void in the end that may come besides those asked for.
_VOID: Final = 1_000


class Spool(Mapping[str, bytes]):
    """Contents by path. Each is read when it is asked for, and none is kept here after that.

    The file lies where ``TMPDIR`` says and is gone with this object, whatever ends the process.
    """

    def __init__(self, max_bytes: int, max_files: int) -> None:
        self._room = max_bytes
        self._max_files = max_files + _VOID
        self._memory = bytearray()
        self._descriptor: int | None = None
        self._end = 0
        #: Path → where its content begins, and its size.
        self._places: dict[str, tuple[int, int]] = {}
        self._last: str | None = None

    def add(self, path: str, piece: bytes) -> None:
        """Takes the next piece of a file; the pieces of one file come one after another.

        Raises:
            BoxFault: more than was asked for, an empty piece, or a file that came before.
            StorageFault: the disk refused it.
        """
        if path != self._last:
            if path in self._places:
                raise BoxFault("the runner sent a file twice")
            self._places[path] = self._end, 0
            self._last = path
        self._room -= len(piece)
        if self._room < 0 or len(self._places) > self._max_files or not piece:
            raise BoxFault("the runner sent more than was asked for")
        self._store(piece)
        start, size = self._places[path]
        self._places[path] = start, size + len(piece)

    def keep(self, files: Iterable[tuple[str, int]]) -> None:
        """Forgets all but ``files``, which are pairs of path and size.

        Raises:
            BoxFault: one of them did not come with that size.
        """
        kept = {}
        for path, size in files:
            start, came = self._places.get(path, (0, 0))
            if came != size or path in kept:
                raise BoxFault("the runner's collection does not add up")
            kept[path] = start, size
        if len(kept) > self._max_files - _VOID:
            raise BoxFault("the runner sent more than was asked for")
        self._places = kept

    def __getitem__(self, path: str) -> bytes:
        start, size = self._places[path]
        if self._descriptor is None:
            return bytes(self._memory[start : start + size])
        content = os.pread(self._descriptor, size, start)
        if len(content) != size:
            raise StorageFault(f"{tempfile.gettempdir()}: what was collected cannot be read back")
        return content

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, path: object) -> bool:
        return path in self._places

    def _store(self, piece: bytes) -> None:
        if self._descriptor is None and self._end + len(piece) <= IN_MEMORY:
            self._memory += piece
        else:
            try:
                self._write(piece)
            except OSError as error:
                raise StorageFault(f"{tempfile.gettempdir()}: {error.strerror}") from error
        self._end += len(piece)

    def _write(self, piece: bytes) -> None:
        if self._descriptor is None:
            self._descriptor, path = tempfile.mkstemp(prefix="tidegauge-")
            weakref.finalize(self, os.close, self._descriptor)
            os.unlink(path)
            _write_all(self._descriptor, self._memory)
            self._memory = bytearray()
        _write_all(self._descriptor, piece)


def _write_all(descriptor: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
