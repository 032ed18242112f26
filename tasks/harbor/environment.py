"""From a task's ``environment/`` to the ground that its boxes stand on."""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from sandbox.canonical import digest, sha256
from sandbox.engine.container import Engine
from sandbox.engine.context import context_of
from sandbox.engine.image import base_image, image_name
from sandbox.errors import EngineFault
from sandbox.ground import TOOLS, Ground
from tasks.harbor import tree
from tasks.harbor.apart import Apart
from tasks.harbor.dockerfile import bases, names_of, needed, platform_arguments, rebased
from tasks.harbor.form import CHECK, Form
from tasks.harbor.lowering import Lowered, lowered
from tasks.harbor.people import person_of

DOCKERFILE: Final = "Dockerfile"
ENVIRONMENT, TESTS = "environment", "tests"
#: What a box mounts for itself.
_MOUNTED: Final = ("/task", "/agent")
#: Places that whoever works in the box may write.
_OPEN: Final = ("logs", "logs/agent", "logs/verifier", "logs/artifacts")
_ROOT: Final = frozenset({None, "", "root", "0", "0:0"})
_OPEN_MODE: Final = 0o777
_GROUND_SECONDS: Final = 300.0
#: How the engine says that a step failed, and a shell that there is no such command.
_FAILED: Final = re.compile(r"returned a non-zero code: (\d+)")
_NO_COMMAND: Final = "127"
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Offline:
    """How environments are built where there is no registry and no network."""

    #: Whether a build's steps have a network.
    network: bool = False
    #: Pattern of an image's name → the image of this engine that stands in for it.
    substitute: Mapping[str, str] = field(default_factory=dict)


class Builder:
    """Builds the environments of tasks on one engine, each once."""

    def __init__(self, engine: Engine, tools: str, offline: Offline, say: Callable[[str], None]) -> None:
        self._engine, self._tools, self._offline, self._say = engine, tools, offline, say

    def grounds(self, task: Path, form: Form) -> tuple[Ground, Ground]:
        """What an agent of the task in directory ``task`` stands on, and what its verifier does; where they cannot
        be had, ``missing`` says why.

        Raises:
            Mistake: the task's files are not such as a build is given.
        """
        try:
            image = self._image(task, form, ENVIRONMENT)
            started = self._engine.images.config(image).get("Entrypoint") or []
            if started and TOOLS not in started:
                self._say(f"{task.name}: ENTRYPOINT {' '.join(started)} of its image is not started here")
            made = self._checked(self._prepared(image, form), form)
            agent = self._ground(made, form, form.agent_user, "agent.user")
            if form.apart is not None:
                image, form = self._apart(task, form, form.apart, image)
                made = self._prepared(image, form)
            return agent, self._ground(made, form, form.verifier_user, "verifier.user")
        except EngineFault as fault:
            missing = Ground("", self._tools, 0, 0, "/", (), missing=str(fault))
            return missing, missing

    def _apart(self, task: Path, form: Form, apart: Apart, image: str) -> tuple[str, Form]:
        """The image of a verifier with an environment of its own, and ``form`` with that environment for the agent's;
        ``image``: what the agent's box began with."""
        form = replace(
            form, image=apart.image, build_seconds=apart.build_seconds, environment=apart.environment,
            directory=apart.directory, agent_user=form.verifier_user,
        )  # fmt: skip
        return (self._image(task, form, TESTS) if apart.bundles(task / TESTS) else image), form

    # -- images -----------------------------------------------------------------------------------

    def _image(self, task: Path, form: Form, folder: str) -> str:
        """The name of the image of ``form``: the prebuilt one where the engine has it, else built of a folder of the
        task, else pulled."""
        if form.image is not None and self._engine.image_id(form.image) is not None:
            return form.image
        file = task / folder / DOCKERFILE
        if not file.is_file():
            if form.image is None:
                raise EngineFault(f"neither {folder}/{DOCKERFILE} nor environment.docker_image", "build")
            return self._base(form.image)
        try:
            written = lowered(file.read_text(encoding="utf-8", errors="replace"))
            return self._built(task / folder, form, written)
        except EngineFault as fault:
            raise EngineFault(f"{folder}/{DOCKERFILE}: {fault}", fault.cause) from fault

    def _built(self, folder: Path, form: Form, written: Lowered) -> str:
        """The name of the image that the Dockerfile in a folder of a task makes, built if it is not there."""
        task = folder.parent
        text = needed(written.text)
        instead = {image: self._base(image) for image in bases(text)}
        text = rebased(text, lambda image: instead[image])
        held = [[image, self._engine.image_id(image)] for image in sorted(set(instead.values()))]
        files, arguments = tree.tree_digest(folder, task), platform_arguments()
        made_of = [files, sha256(text.encode()), held, self._offline.network, arguments]
        name = f"tidegauge/harbor:{digest(made_of)[:12]}"
        if self._engine.image_id(name) is None:
            self._say(f"building the {folder.name} of {task.name}")
            given = {**written.files, DOCKERFILE: text.encode()}
            try:
                with tree.context(folder, task, given, written.modes) as context:
                    self._engine.images.build(
                        context, name, dockerfile=DOCKERFILE, network=self._offline.network,
                        seconds=form.build_seconds, arguments=arguments,
                    )  # fmt: skip
            except EngineFault as fault:
                raise EngineFault(f"{fault}{self._lacking(str(fault), instead)}", fault.cause) from fault
        return name

    def _lacking(self, problem: str, instead: Mapping[str, str]) -> str:
        """What a step that failed may have lacked: what the image has that another stands in for, a network."""
        code = _FAILED.search(problem)
        if code is None:
            return ""
        others = [f"{other} stands in for {image}" for image, other in instead.items() if other != image]
        # A command that is not there is no matter of the network.
        if not self._offline.network and code[1] != _NO_COMMAND:
            others.append("its steps have no network: harbor.build_network gives them one")
        return "".join(f"; {other}" for other in others)

    def _base(self, image: str) -> str:
        """The name under which this engine has ``image``, or what stands in for it."""
        if self._engine.image_id(image) is not None:
            return image
        for pattern, other in self._offline.substitute.items():
            if any(fnmatchcase(name, pattern) for name in names_of(image)):
                return self._standing_in(other)
        if self._engine.pull(image if ":" in image.rpartition("/")[2] else f"{image}:latest"):
            return image
        remedy = f"pull it, or name another with harbor.substitute: {{{image!r}: base}}"
        raise EngineFault(f"no image {image!r} here, and no registry gives it; {remedy}", "image")

    def _standing_in(self, name: str) -> str:
        found = name
        if name == "base":
            found = base_image(self._engine, self._say)
        elif name == "episode":
            found = image_name()
        if self._engine.image_id(found) is None:
            raise EngineFault(f"no image {found!r} here, which harbor.substitute names", "image")
        return found

    def _prepared(self, image: str, form: Form) -> str:
        """The id of ``image`` with what every box needs: a way from /work to where the task works, places for logs."""
        config = self._engine.images.config(image)
        if config.get("Volumes"):
            kept = ", ".join(sorted(config["Volumes"]))
            raise EngineFault(f"the image keeps {kept} in volumes, which no snapshot of a box holds", "image")
        directory = form.directory or config.get("WorkingDir") or "/"
        has_work = self._check_places(image, directory)
        users = {form.agent_user, form.verifier_user, config.get("User")}
        # One who is not root could not make these.
        places = _OPEN if users <= _ROOT else (*_OPEN, "tests", "solution")
        text = f"FROM {image}\nCOPY root/ /\nWORKDIR {directory}\n"
        links = {}
        if directory != "/work" and has_work:
            user = config.get("User") or "root"
            text += f"USER root\nRUN rmdir /work && ln -s {shlex.quote(directory)} /work\nUSER {user}\n"
        elif directory != "/work":
            links = {"root/work": directory}
        folders = {"root": 0o755} | {f"root/{path}": _OPEN_MODE for path in places}
        made_of = [self._engine.image_id(image), text, links, places]
        return self._our_own(text, made_of, links, folders, _GROUND_SECONDS)

    def _checked(self, image: str, form: Form) -> str:
        """The id of ``image`` as the task's health check leaves it: many set up with it what the agent finds.

        Raises:
            EngineFault: it failed.
        """
        if form.check is None:
            return image
        variables = "".join(
            f"export {name}={shlex.quote(value)}\n" for name, value in form.environment.items()
        )
        text = f"FROM {image}\nRUN {json.dumps(['/bin/bash', '-c', variables + form.check])}\n"
        try:
            return self._our_own(text, [text], {}, {}, form.build_seconds)
        except EngineFault as fault:
            problem = f"task.toml: {CHECK}: {fault}; nothing that the image would start runs here"
            raise EngineFault(problem, fault.cause) from fault

    def _our_own(
        self, text: str, made_of: object, links: Mapping[str, str], folders: Mapping[str, int], seconds: float
    ) -> str:
        """The id of the image that ``text`` makes of another, built if it is not there."""
        name = f"tidegauge/ground:{digest(made_of)[:12]}"
        if self._engine.image_id(name) is None:
            context = context_of({DOCKERFILE: text.encode()}, links, folders)
            self._engine.images.build(context, name, dockerfile=DOCKERFILE, network=False, seconds=seconds)
        made = self._engine.image_id(name)
        if made is None:
            raise EngineFault(f"{name} vanished", "image")
        return made

    def _check_places(self, image: str, directory: str) -> bool:
        """Whether the image has a /work.

        Raises:
            EngineFault: it has no bash, or files or its work where a box lays out files of its own.
        """
        if any(f"{directory}/".startswith(f"{place}/") for place in _MOUNTED):
            raise EngineFault(f"the task works in {directory}, where a box lays out its own files", "image")
        with self._engine.images.opened(image) as looked:
            if not self._engine.images.holds(looked, "/bin/bash"):
                problem = "the image has no /bin/bash, which the agent and the verifier start with"
                raise EngineFault(problem, "image")
            for place in (*_MOUNTED, *(["/work"] if directory != "/work" else [])):
                if self._engine.images.filled(looked, place):
                    problem = f"the image has files of its own in {place}, where a box lays out its own"
                    raise EngineFault(problem, "image")
            return self._engine.images.holds(looked, "/work")

    def _ground(self, image: str, form: Form, asked: str | None, key: str) -> Ground:
        """What whoever ``asked`` names stands on, or the image's own user; ``key`` of task.toml says who."""
        config = self._engine.images.config(image)
        own = dict(pair.partition("=")[::2] for pair in config.get("Env") or [])
        with self._engine.images.opened(image) as looked:
            users, groups = (
                self._engine.images.text(looked, f"/etc/{of}") or "" for of in ("passwd", "group")
            )
        try:
            person = person_of(asked or str(config.get("User") or "root"), users, groups)
        except EngineFault as fault:
            where = f"task.toml: {key}" if asked else "the image's USER"
            raise EngineFault(f"{where}: {fault}", fault.cause) from fault
        environment = {
            "PATH": _PATH, "HOME": person.home, "USER": person.name, **own, **form.environment,
        }  # fmt: skip
        return Ground(
            image, self._tools, person.user, person.group, config.get("WorkingDir") or "/",
            tuple(sorted(environment.items())),
        )  # fmt: skip
