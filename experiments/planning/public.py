"""What public tasks need before a run of them begins, and what the run keeps of them."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments.planning.plan import Plan, Planned
from experiments.record import durable
from experiments.record.anchors import Anchors
from experiments.record.records import Record
from experiments.record.rundir import PUBLIC
from sandbox.canonical import canonical
from tasks.harbor.task import HarborTask

Say = Callable[[str], None]


class PublicTask(Record):
    """What ``public.json`` holds of one task."""

    directory: str
    #: The text of its ``task.toml``, and the keys of it that Harbor does not know or that have no effect here.
    toml: str
    unknown: list[str]
    ignored: list[str]
    #: What its boxes stood on, or why there is none.
    image: str | None
    missing: str | None
    #: What its verifier stood on, where that has an environment of its own.
    verifier: str | None = None


def grounded(plan: Plan, waiting: Iterable[Planned], say: Say) -> Plan:
    """``plan`` with what the boxes of its public tasks stand on; a plan of the suite as it is.

    An environment that cannot be had is said, and ends that task's attempts alone.

    Args:
        plan: of a run.
        waiting: the episodes that are about to run.
        say: takes a line for each environment that is built or cannot be, and for each key that does nothing.

    Raises:
        EngineFault: the engine does not answer.
        Mistake: the files of a task are not such as a build is given.
    """
    wanted = {planned.line.task for planned in waiting} & plan.public.keys()
    if not wanted:
        return plan
    from sandbox.engine.container import Engine
    from sandbox.engine.tools import require_tools
    from tasks.harbor.environment import Builder, Offline

    engine, settings = Engine(), plan.config.harbor
    offline = Offline(settings.build_network, settings.substitute)
    builder = Builder(engine, require_tools(engine), offline, say)
    found = {}
    for name in sorted(wanted):
        task = plan.public[name]
        _tell(task, say)
        ground, verifying = builder.grounds(task.directory, task.settings)
        if ground.missing is not None:
            say(f"{name} cannot run: {ground.missing}")
        found[name] = replace(task, ground=ground, verifying=verifying)
    return replace(plan, public={**plan.public, **found})


def _tell(task: HarborTask, say: Say) -> None:
    """Says what of ``task.toml`` has no effect."""
    for what, keys in (
        ("is not known", task.settings.unknown),
        ("has no effect here", task.settings.ignored),
    ):
        for key in keys:
            say(f"{task.id}: task.toml: {key} {what}")


def store(directory: Path, plan: Plan, anchors: Anchors) -> None:
    """Keeps each public task's ``task.toml`` as it was read, with what of it has no effect, and its image; anchored first.

    Raises:
        StorageFault: the disk refused it.
    """
    looked = {name: task for name, task in plan.public.items() if task.ground is not None}
    if not looked:
        return
    # Of what the run kept before, what its anchors vouch for: the file may have been edited.
    before = anchors.texts("public")[-1:]
    known = json.loads(before[0]) if before else {}
    text = canonical({**known, **{name: _kept(task) for name, task in looked.items()}}).decode("utf-8")
    if before != [text]:
        anchors.append("public", [text])
    durable.replace(directory / PUBLIC, text.encode("utf-8"))


def _kept(task: HarborTask) -> dict[str, Any]:
    written = (task.directory / "task.toml").read_text(encoding="utf-8")
    form, ground = task.settings, task.ground
    apart = task.verifying if form.apart is not None else None
    kept = PublicTask(
        directory=str(task.directory), toml=written, unknown=list(form.unknown), ignored=list(form.ignored),
        image=ground.image or None if ground else None, missing=ground.missing if ground else None,
        verifier=apart.image or None if apart else None,
    )  # fmt: skip
    return kept.model_dump()
