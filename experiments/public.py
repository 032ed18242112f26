"""What public tasks need before a run of them begins: their environments, built on this machine's engine."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from experiments.plan import Plan, Planned
from tasks.harbor.task import HarborTask

Say = Callable[[str], None]


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
    from sandbox.container import Engine
    from sandbox.tools import require_tools
    from tasks.harbor.environment import Builder, Offline

    engine, settings = Engine(), plan.config.harbor
    offline = Offline(settings.build_network, settings.substitute)
    builder = Builder(engine, require_tools(engine), offline, say)
    found = {}
    for name in sorted(wanted):
        task = plan.public[name]
        _tell(task, say)
        ground = builder.ground(task.directory, task.settings)
        if ground.missing is not None:
            say(f"{name} cannot run: {ground.missing}")
        found[name] = replace(task, ground=ground, verifying=builder.verifying(ground, task.settings))
    return replace(plan, public={**plan.public, **found})


def _tell(task: HarborTask, say: Say) -> None:
    """Says what of ``task.toml`` has no effect."""
    for what, keys in (
        ("is not known", task.settings.unknown),
        ("has no effect here", task.settings.ignored),
    ):
        for key in keys:
            say(f"{task.id}: task.toml: {key} {what}")
