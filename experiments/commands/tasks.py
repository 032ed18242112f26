"""``tidegauge tasks``: the suite, whether its tasks hold their promises, and new ones."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.commands.common import Output, shared
from experiments.commands.completing import task_ids

if TYPE_CHECKING:
    from experiments.attempts.check import AgentCheck

BROKEN = 2


@click.group()
def tasks() -> None:
    """List and check the tasks of the suite, and make new ones.

    \b
    Example:
      tidegauge tasks list
    """


@tasks.command("list")
@shared
def list_tasks(runs: Path, output: Output) -> int:
    """The suite: every task at every level.

    \b
    Example:
      tidegauge tasks list
    """
    del runs
    from experiments.text import aligned
    from tasks.task import select

    documents = [
        {
            "id": entry.task.id,
            "task_family": entry.task.facts.task_family,
            "level": entry.level,
            "version": entry.task.version,
            "human_minutes": entry.task.facts.levels[entry.level].human_minutes,
        }
        for entry in select(["*"])
    ]
    rows = [[f"{d['id']}@{d['level']}", str(d["version"]), f"{d['human_minutes']:g} min"] for d in documents]
    output.show("\n".join(aligned(["task", "version", "a person's time"], rows)), {"tasks": documents})
    return 0


@tasks.command("check")
@click.argument("pattern", metavar="[ID]", default="*", shell_complete=task_ids)
@click.option(
    "--worlds", type=click.IntRange(min=1), default=1, show_default=True, help="Worlds for each agent."
)
@shared
def check(pattern: str, worlds: int, runs: Path, output: Output) -> int:
    """Run the scripted agents of tasks in real boxes. Exit 0 if they hold their promises, else 2.

    ID may be a pattern and name a level.

    \b
    Example:
      tidegauge tasks check ml/tab --worlds 2
      tidegauge tasks check 'performance/*@L1'
    """
    del runs
    import asyncio

    from experiments.attempts.check import check_tasks
    from experiments.attempts.executors import default_slots, host_boxes
    from tasks.task import select

    entries = select([pattern], where="tasks check", key="ID")
    slots = default_slots()
    boxes = host_boxes("episode", "runc", None, slots)

    async def checked() -> "list[AgentCheck]":
        try:
            return await check_tasks(
                entries, boxes, worlds=worlds, at_a_time=slots, say=lambda one: output.say(_line(one))
            )
        finally:
            await boxes.close()

    checks = asyncio.run(checked())
    broken = [one for one in checks if one.problem is not None]
    text = "\n".join(_line(one) for one in broken) or f"{len(checks)} agents as promised"
    output.show(text, {"ok": not broken, "checks": [one.as_json() for one in checks]})
    return BROKEN if broken else 0


@tasks.command("new")
@click.argument("task_id", metavar="ID")
@shared
def new(task_id: str, runs: Path, output: Output) -> int:
    """Make a new task, <family>/<task>, from a template that holds its promises already.

    \b
    Example:
      tidegauge tasks new ml/images
    """
    del runs
    from tasks.new import make_task

    directory = make_task(task_id)
    text = (
        f"{task_id} is in {directory}\n"
        f"Check it now and after each change: tidegauge tasks check {task_id}\n"
        "How to make it yours: docs/tasks.md"
    )
    output.show(text, {"id": task_id, "directory": str(directory)})
    return 0


def _line(one: "AgentCheck") -> str:
    raw = "–" if one.raw is None else f"{one.raw:.3f}"
    verdict = "ok" if one.problem is None else f"BROKEN: {one.problem}"
    cheats = f" [{', '.join(one.cheats)}]" if one.cheats else ""
    return f"{one.task}@{one.level} {one.agent} world {one.world}: raw {raw}{cheats} {verdict}"
