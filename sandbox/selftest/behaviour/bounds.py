"""Bombs, floods and processes that will not end. The box must stay in use after each."""

import ctypes
import os
import time
from collections.abc import Awaitable, Callable
from typing import Final

from sandbox.box import Box, Completed
from sandbox.errors import BoxFault
from sandbox.files import FileSpec
from sandbox.limits import Limits
from sandbox.selftest.checks import Check, Outcome, holds

#: Small, so that each bound is reached soon.
LIMITS: Final = Limits(memory=96 * 2**20, disk=16 * 2**20, processes=48, cpus=1.0)
#: The bound of a command that hangs, not a pace.
_SECONDS: Final = 300.0
#: Anything that is to return at once does so within this many seconds, on a busy machine too.
_PROMPT: Final = 10.0

#: Each smaller than the runner, all together more than the grant; over when the kernel has ended five.
_CHILDREN: Final = """
import os, time
for _ in range(40):
    if os.fork() == 0:
        held = b"x" * (4 << 20)
        time.sleep(30)
        os._exit(0)
for _ in range(5):
    os.wait()
"""

_WATCHES: Final = """
import ctypes, time
taken = 0
while ctypes.CDLL(None).inotify_init1(0) >= 0:
    taken += 1
print(taken, flush=True)
time.sleep(30)
"""

Behaviour = Callable[[Box], Awaitable[Outcome]]


async def shell(box: Box, command: str, output: int = 65_536) -> Completed:
    """A command of the agent's, ended after a while."""
    return await box.run(
        ["bash", "-c", command], cwd="/work", env={"HOME": "/work"}, output=output, timeout=_SECONDS
    )


async def alive(box: Box) -> bool:
    """Whether the box still runs a program."""
    return (await shell(box, "echo alive")).stdout == b"alive\n"


async def fork_bomb(box: Box) -> Outcome:
    """Processes that make processes."""
    await shell(box, "bomb() { bomb | bomb & }; bomb; sleep 0.3")
    ended = (await box.kill_all()).processes
    refused = box.usage().refused_processes
    if refused is None:
        return "untestable", "this kernel does not count refused processes"
    return holds(refused > 0 and await alive(box), f"{refused} refused, {ended} ended")


async def memory_bomb(box: Box) -> Outcome:
    """One process that takes more memory than was granted."""
    before = box.usage().oom_kills
    done = await shell(box, "python3 -c 'x = bytearray(10**9)'; echo $?")
    after = box.usage().oom_kills
    if before is None or after is None:
        return "untestable", "this kernel does not count what it kills for memory"
    return holds(
        done.stdout.strip() == b"137" and after > before and await alive(box), f"{after - before} killed"
    )


async def memory_children(box: Box) -> Outcome:
    """Many small processes that together take more: the runner must not be the one that is killed."""
    before = box.usage().oom_kills or 0
    await shell(box, f"python3 -c '{_CHILDREN}'")
    await box.kill_all()
    killed = (box.usage().oom_kills or 0) - before
    return holds(killed > 0 and await alive(box), f"{killed} killed, and the runner outlived them")


async def zombies(box: Box) -> Outcome:
    """More orphans than there may be processes: unless they are collected, no command starts any more."""
    await shell(box, f"for _ in $(seq {2 * LIMITS.processes}); do (setsid true &); done; sleep 0.2")
    return holds(await alive(box), "all were collected")


async def output_flood(box: Box) -> Outcome:
    """Output without end."""
    done = await shell(box, "yes", output=1_000)
    await box.kill_all()
    return holds(
        done.truncated and len(done.stdout) <= 1_000 and await alive(box), f"{len(done.stdout)} bytes kept"
    )


async def held_output(box: Box) -> Outcome:
    """A child that keeps its parent's output open."""
    began = time.monotonic()
    await shell(box, "sleep 60 & echo done")
    took = time.monotonic() - began
    await box.kill_all()
    return holds(took < _PROMPT, f"answered after {took:.1f} s")


async def deaf_daemon(box: Box) -> Outcome:
    """A process of a session of its own that ignores the request to end."""
    await shell(box, "(trap '' TERM HUP INT; setsid sleep 60 &); sleep 0.1")
    ended = (await box.kill_all()).processes
    left = await shell(box, "grep -l '^Name:.sleep' /proc/[0-9]*/status 2>/dev/null")
    return holds(ended >= 1 and left.stdout == b"", f"{ended} ended")


async def processor(box: Box) -> Outcome:
    """More work at a time than processors were granted."""
    before, began = box.usage().cpu_us, time.monotonic()
    await shell(box, "for _ in 1 2 3; do (while :; do :; done) & done; sleep 1")
    await box.kill_all()
    after, took = box.usage().cpu_us, time.monotonic() - began
    if before is None or after is None:
        return "untestable", "the processor time is not observed"
    used = (after - before) / 1e6 / took
    # Half a processor above the grant is what the kernel's slices may add over a second.
    return holds(used <= LIMITS.cpus + 0.5, f"{used:.2f} processors where {LIMITS.cpus:g} are granted")


async def watches(box: Box) -> Outcome:
    """All inotify instances that can be had: where users are remapped they are counted for the host too."""
    if not _can_watch():
        return "untestable", "this host's user has no inotify instance left as it is"
    hog = f"python3 -c '{_WATCHES}' > taken & until [ -s taken ]; do sleep 0.05; done; cat taken"
    taken = (await shell(box, hog)).stdout.decode("ascii", "replace").strip()
    left = _can_watch()
    await box.kill_all()
    return holds(left, f"{taken} were had in the box, and this host has {'its own' if left else 'none left'}")


def _can_watch() -> bool:
    descriptor: int = ctypes.CDLL(None).inotify_init1(os.O_CLOEXEC)
    if descriptor >= 0:
        os.close(descriptor)
    return descriptor >= 0


async def pipe_for_file(box: Box) -> Outcome:
    """A pipe where the host is about to write a file."""
    await shell(box, "rm -rf /work/pipe; mkfifo /work/pipe")
    began = time.monotonic()
    try:
        await box.put("/work", [FileSpec("pipe", b"x")])
    except BoxFault as fault:
        return holds(time.monotonic() - began < _PROMPT, str(fault))
    return "failed", "it was written"


BEHAVIOURS: Final[tuple[Behaviour, ...]] = (
    fork_bomb, memory_bomb, memory_children, zombies, output_flood, held_output, deaf_daemon, processor, watches, pipe_for_file,
)  # fmt: skip


async def try_bounds(box: Box) -> list[Check]:
    """Each behaviour in turn; one that the box does not survive has failed, and all after it."""
    checks = []
    for behaviour in BEHAVIOURS:
        name, meaning = f"bounds.{behaviour.__name__}", (behaviour.__doc__ or "").split("\n")[0]
        try:
            result, detail = await behaviour(box)
        except (BoxFault, TimeoutError) as fault:
            result, detail = "failed", f"{type(fault).__name__}: {fault}"
        checks.append(Check(name, result, detail, meaning))
    return checks
