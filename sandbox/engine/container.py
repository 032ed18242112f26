"""The container engine: the only module that knows the Docker SDK.

Every container carries labels (owner, episode, deadline, holder) under ``tidegauge.``; what does not carry
them is never touched. All methods block: callers run them in threads.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import docker
import docker.errors
import requests

from sandbox.box import BoxRequest
from sandbox.engine import creation
from sandbox.engine.creation import LABEL
from sandbox.engine.hardening import next_agent
from sandbox.engine.images import Images
from sandbox.engine.listener import EngineListener, Told
from sandbox.errors import EngineFault

#: Where the engine is expected without DOCKER_HOST.
DEFAULT_ADDRESS: Final = "unix:///var/run/docker.sock"
#: Seconds that a removal which the engine began itself may take.
_REMOVAL_SECONDS: Final = 20.0
#: Seconds in which an engine that is there answers a question.
_ANSWER_SECONDS: Final = 5


class Engine:
    """A connection to the container engine, one per process, usable from many threads."""

    def __init__(self) -> None:
        address = os.environ.get("DOCKER_HOST")
        try:
            with _faults():
                # A generous read time-out: a loaded host starts containers late, and the budgets for
                # start and stop are the callers'.
                self._api = docker.APIClient(base_url=address, version="auto", timeout=60)
                #: For questions that an engine which is there answers at once.
                self._quick = docker.APIClient(address, self._api.api_version, timeout=_ANSWER_SECONDS)
        except EngineFault as fault:
            raise EngineFault(f"{address or DEFAULT_ADDRESS}: {fault}") from fault
        #: Images of others, and snapshots of boxes.
        self.images = Images(self._api, _faults, _unless_absent)
        #: Tells open boxes what happens to their containers.
        self.listener = EngineListener(self._events)
        self._remapped: bool | None = None

    def close(self) -> None:
        """Closes idle connections."""
        self._api.close()
        self._quick.close()

    def holds(self, image: str) -> bool:
        """Whether the engine has the image of that id; it gets ``_ANSWER_SECONDS`` to say so.

        Raises:
            EngineFault: it does not answer.
        """
        with _faults():
            return _image_id(self._quick, image) is not None

    def version(self) -> dict[str, str]:
        """Engine version, default runtime and whether users are remapped."""
        with _faults():
            info = self._api.info()
        return {
            "version": info["ServerVersion"],
            "runtime": info["DefaultRuntime"],
            "userns": "remapped" if any("userns" in o for o in info["SecurityOptions"] or []) else "host",
            "cgroup": info.get("CgroupVersion", "1"),
        }

    def isolation(self, runtime: str) -> str:
        """What keeps a box of ``runtime`` apart, as results name it."""
        level = "gvisor" if runtime == "runsc" else "container"
        return f"{level}, users remapped" if self.remapped() else level

    def remapped(self) -> bool:
        """Whether the users of boxes are others of the host; the engine is asked once."""
        if self._remapped is None:
            self._remapped = self.version()["userns"] == "remapped"
        return self._remapped

    def runtimes(self) -> list[str]:
        """Names of the container runtimes that the engine has, without containerd's names for runc."""
        with _faults():
            return sorted(name for name in self._api.info()["Runtimes"] if not name.startswith("io."))

    # -- images ---------------------------------------------------------------------------------

    def image_id(self, name: str) -> str | None:
        """The id of an image, or None if there is none of that name."""
        with _faults():
            return _image_id(self._api, name)

    def pull(self, name: str) -> bool:
        """Pulls an image; False if no registry gives it."""
        repository, _, tag = name.rpartition(":")
        try:
            self._api.pull(repository, tag)
        except (docker.errors.DockerException, requests.RequestException):
            return False
        return True

    def import_tar(self, tar: Path, name: str) -> None:
        """Makes an image of a root file system."""
        repository, _, tag = name.rpartition(":")
        with _faults():
            self._api.import_image(src=str(tar), repository=repository, tag=tag)

    # -- containers -----------------------------------------------------------------------------

    def create(
        self,
        request: BoxRequest,
        *,
        image: str,
        runtime: str,
        control: Path,
        door: Path | None,
        idle: float = 0.0,
    ) -> str:
        """Creates a hardened container and returns its id. See docs/containment.md.

        Args:
            request: what it is made for.
            image: id of its image.
            runtime: name of its container runtime.
            control: the socket that its runner connects to.
            door: where its door binds its socket; the box sees that directory.
            idle: seconds that it may wait for its work.
        """
        agent = next_agent()
        with _faults():
            locked = creation.locked(request, runtime, control, door, agent)
            # The client has no words for some.
            host = self._api.create_host_config(**locked) | creation.UNSPOKEN
            named = creation.named(request, agent, idle)
            created = self._api.create_container(image, host_config=host, **named)
        return str(created["Id"])

    def start(self, container: str) -> None:
        """Starts a created container."""
        with _faults():
            self._api.start(container)

    def remove(self, container: str) -> None:
        """Ends and removes a container; absent is success."""
        with _faults():
            try:
                self._api.remove_container(container, force=True, v=True)
            except docker.errors.NotFound:
                return
            except docker.errors.APIError as error:
                # 409: the engine is removing it already, because its runner ended.
                if error.status_code != 409:
                    raise
                self._await_gone(container)

    def inspect(self, container: str) -> dict[str, Any]:
        """All that the engine says of a container, in its own words."""
        with _faults():
            found: dict[str, Any] = self._api.inspect_container(container)
        return found

    def gone(self, container: str) -> bool:
        """Whether no trace of the container is left."""
        with _faults():
            try:
                self._api.inspect_container(container)
            except docker.errors.NotFound:
                return True
            return False

    def _await_gone(self, container: str) -> None:
        until = time.monotonic() + _REMOVAL_SECONDS
        while not self.gone(container):
            if time.monotonic() > until:
                raise EngineFault(f"the engine does not get {container[:12]} removed", "removal")
            time.sleep(0.02)

    def owned(self, owner: str | None = None) -> dict[str, dict[str, str]]:
        """Container id → labels (without prefix) of our containers, of one owner if given."""
        label = f"{LABEL}.owner={owner}" if owner is not None else f"{LABEL}.owner"
        with _faults():
            found = self._api.containers(all=True, filters={"label": label})
        prefix = f"{LABEL}."
        return {
            item["Id"]: {k.removeprefix(prefix): v for k, v in item["Labels"].items() if k.startswith(prefix)}
            for item in found
        }

    def _events(self, since: int) -> Iterator[Told]:
        """What happens to our containers, as it happens, from ``since`` (nanoseconds) on."""
        filters = {"label": f"{LABEL}.owner", "type": "container", "event": ["kill", "die", "oom", "destroy"]}
        with _faults():
            for item in self._api.events(since=since // 10**9, filters=filters, decode=True):
                yield Told.of(item)


def _unless_absent(call: Callable[[], Any]) -> Any:
    """What ``call`` gives; None where the engine has nothing of that name."""
    with _faults():
        try:
            return call()
        except docker.errors.NotFound:
            return None


def _image_id(api: docker.APIClient, name: str) -> str | None:
    try:
        found: dict[str, Any] = api.inspect_image(name)  # type: ignore[no-untyped-call]
    except docker.errors.ImageNotFound:
        return None
    return str(found["Id"])


@contextmanager
def _faults() -> Iterator[None]:
    """Everything that the SDK raises becomes an ``EngineFault`` of one line."""
    try:
        yield
    except (docker.errors.DockerException, requests.RequestException) as error:
        late = "no answer in time" if isinstance(error, requests.Timeout) else None
        explanation = getattr(error, "explanation", None) or late or _refused_by(error) or error
        raise EngineFault(" ".join(str(explanation).split())) from error


def _refused_by(error: BaseException) -> str | None:
    """What the operating system said, under the layers that the client wraps around it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return None
