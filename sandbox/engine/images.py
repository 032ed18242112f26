"""Images of others on the container engine: built, looked into, and snapshots of the boxes that stood on them.

Part of ``container.Engine``, which alone knows the engine's client. All methods block.
"""

import io
import itertools
import os
import re
import tarfile
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import IO, Any, Final

from sandbox.engine.creation import LABEL
from sandbox.errors import EngineFault
from sandbox.sockets import own_directory

#: Until when a snapshot may be wanted, as a label, in Unix seconds.
_UNTIL: Final = f"{LABEL}.until"
#: The longest that grading a snapshot may take.
_SNAPSHOT_SECONDS: Final = 24 * 3600
_LOOK_SECONDS: Final = 600
_TAR_BLOCK: Final = 512
#: Of what stat(2) counts in, and the least that a file system gives an entry.
_SECTOR, _BLOCK = 512, 4096
_MAX_FILE: Final = 2**20
_TAIL, _TAIL_LINES, _LINE, _STEP = 4_000, 8, 200, 100
#: What colours a terminal, and all other control characters.
_CODES: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x1f\x7f-\x9f]")
_OWN_LINES: Final = ("---> ", "Removing intermediate container ")
_NUMBERS = itertools.count()


class Images:
    """What the engine does with images."""

    def __init__(
        self,
        api: Any,
        faults: Callable[[], AbstractContextManager[None]],
        unless_absent: Callable[[Callable[[], Any]], Any],
    ) -> None:
        """``faults`` makes an ``EngineFault`` of what the client raises; ``unless_absent`` None of a 404."""
        self._api, self._faults, self._unless_absent = api, faults, unless_absent

    def config(self, image: str) -> dict[str, Any]:
        """The image's own settings, in the engine's words: Env, WorkingDir, User."""
        with self._faults():
            found: dict[str, Any] = self._api.inspect_image(image)["Config"] or {}
        return found

    def build(
        self, context: IO[bytes], name: str, *, dockerfile: str, network: bool, seconds: float,
        arguments: Mapping[str, str] | None = None, say: Callable[[str], None] = lambda line: None,
    ) -> None:  # fmt: skip
        """Builds an image of a context, which is a tar.

        Args:
            context: the tar.
            name: what the image is called.
            dockerfile: its path in the context.
            network: whether its steps have one.
            seconds: after so many it is given up.
            arguments: of the build.
            say: takes the name of each step as it begins.

        Raises:
            EngineFault: a step failed or it took too long; the text is the end of what was printed.
        """
        printed = ""
        until = time.monotonic() + seconds
        with self._faults():
            parts = self._api.build(
                fileobj=context, custom_context=True, dockerfile=dockerfile, tag=name, rm=True, forcerm=True,
                decode=True, timeout=seconds, network_mode="default" if network else "none",
                buildargs=dict(arguments or {}),
            )  # fmt: skip
            for part in parts:
                told = str(part.get("stream", ""))
                printed = f"{printed}{told}"[-_TAIL:]
                if told.startswith("Step "):
                    say(textwrap.shorten(told, _STEP, placeholder=" …"))
                if "error" in part:
                    tail = " | ".join(_lines(printed)[-_TAIL_LINES:])
                    raise EngineFault(f"{part['error']} (its last lines: {tail})", "build")
                if time.monotonic() > until:
                    raise EngineFault(f"it took longer than {seconds:g} s", "build")

    @contextmanager
    def opened(self, image: str, volumes: Mapping[str, str] = {}) -> Iterator[str]:
        """A container of ``image`` that never runs, to look into; removed afterwards. ``volumes``: their paths in it."""
        with self._unstarted(image, volumes) as made:
            yield made

    def holds(self, container: str, path: str) -> bool:
        """Whether something lies at ``path``."""
        found = self._unless_absent(lambda: self._api.get_archive(container, path))
        if found is None:
            return False
        found[0].close()
        return True

    def filled(self, container: str, path: str) -> bool:
        """Whether what lies at ``path`` is anything but an empty directory."""
        found = self._unless_absent(lambda: self._api.get_archive(container, path))
        if found is None:
            return False
        # A tar of an empty directory: its header, then nothing but the end.
        with self._faults(), closing(found[0]) as pieces:
            taken = b"".join(itertools.islice(pieces, 1))[: 2 * _TAR_BLOCK]
        return taken[156:157] != tarfile.DIRTYPE or any(taken[_TAR_BLOCK:])

    def text(self, container: str, path: str) -> str | None:
        """The regular file at ``path``, up to 1 MiB of it; None where there is none."""
        found = self._unless_absent(lambda: self._api.get_archive(container, path))
        if found is None:
            return None
        taken = bytearray()
        with self._faults():
            for piece in found[0]:
                taken += piece
                if len(taken) > _MAX_FILE:
                    break
        found[0].close()
        try:
            with tarfile.open(fileobj=io.BytesIO(bytes(taken)), mode="r|") as tar:
                member = tar.next()
                file = None if member is None or not member.isreg() else tar.extractfile(member)
                return None if file is None else file.read(_MAX_FILE).decode("utf-8", "replace")
        except tarfile.TarError:
            return None

    def exists(self, image: str) -> bool:
        """Whether there is an image of that name."""
        return self._unless_absent(lambda: self._api.inspect_image(image)) is not None

    def name(self, image: str, name: str) -> None:
        """Gives an image another name."""
        repository, _, tag = name.rpartition(":")
        with self._faults():
            self._api.tag(image, repository, tag)

    def has_volume(self, name: str) -> bool:
        """Whether there is a volume of that name."""
        return self._unless_absent(lambda: self._api.inspect_volume(name)) is not None

    def fill(self, volume: str, image: str, path: str) -> None:
        """Makes a volume anew that holds what ``image`` has at ``path``.

        Raises:
            EngineFault: one of that name is in use.
        """
        self.drop(volume)
        with self._unstarted(image, {volume: path}):
            pass  # the engine fills an empty volume as it makes a container that has it

    def drop(self, volume: str) -> None:
        """Removes a volume; absent is success.

        Raises:
            EngineFault: it is in use.
        """
        self._unless_absent(lambda: self._api.remove_volume(volume))

    @contextmanager
    def _unstarted(self, image: str, volumes: Mapping[str, str]) -> Iterator[str]:
        """A container that is made and removed again."""
        binds = {volume: {"bind": path, "mode": "rw"} for volume, path in volumes.items()}
        labels = {
            f"{LABEL}.owner": "look", f"{LABEL}.deadline": str(int(time.time()) + _LOOK_SECONDS),
            f"{LABEL}.holder": str(own_directory()),
        }  # fmt: skip
        name = f"tidegauge-look-{own_directory().name}-{next(_NUMBERS)}"
        with self._faults():
            made = self._api.create_container(
                image, entrypoint=["none"], name=name, labels=labels,
                host_config=self._api.create_host_config(binds=binds),
            )  # fmt: skip
        try:
            yield str(made["Id"])
        finally:
            with self._faults():
                self._api.remove_container(made["Id"], force=True, v=True)

    def written(self, container: str) -> int:
        """Bytes in the container's own layer; where this process may look into it, a block for each entry at least."""
        with self._faults():
            found = self._api.containers(all=True, size=True, filters={"id": container})
            driver = self._api.inspect_container(container)["GraphDriver"]
        told = int(found[0].get("SizeRw") or 0) if found else 0
        layer = (driver["Data"] or {}).get("UpperDir") if driver["Name"] == "overlay2" else None
        return told if layer is None else max(told, taken_by(Path(layer)))

    def snapshot(self, container: str) -> str:
        """The id of an image of the container's root as it is now."""
        until = int(time.time()) + _SNAPSHOT_SECONDS
        with self._faults():
            made = self._api.commit(container, conf={"Labels": {_UNTIL: str(until)}})
        return str(made["Id"])

    def remove(self, image: str) -> None:
        """Removes an image; absent is success."""
        self._unless_absent(lambda: self._api.remove_image(image, force=True))

    def sweep(self, now: float) -> None:
        """Removes snapshots that are too old for anybody to want them."""
        with self._faults():
            found = self._api.images(filters={"label": _UNTIL})
        for image in found:
            until = str(image["Labels"].get(_UNTIL, ""))
            if until.isdigit() and int(until) < now:
                self.remove(str(image["Id"]))


def taken_by(layer: Path) -> int:
    """Bytes that the entries below a directory take, each no less than a block; what may not be read counts nothing."""
    taken, waiting = 0, [str(layer)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    taken += max(entry.stat(follow_symlinks=False).st_blocks * _SECTOR, _BLOCK)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue  # it went away, lies too deep, or is not ours to read
    return taken


def _lines(printed: str) -> list[str]:
    """The lines that say something, without what a terminal would be told and the engine's own."""
    lines = (_CODES.sub("", line).strip()[:_LINE] for line in printed.splitlines())
    return [line for line in lines if line and not line.startswith(_OWN_LINES)]
