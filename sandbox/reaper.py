"""Takes away what a dead driver left behind: containers that carry our label, places of sockets."""

import time

from sandbox.container import Engine
from sandbox.sockets import sweep_sockets


def sweep(engine: Engine, owner: str | None = None, now: float | None = None) -> list[str]:
    """Removes our containers that are past their deadline, and all of ``owner``'s.

    Args:
        engine: the container engine.
        owner: a run whose lock the caller holds: nothing of it can be alive rightfully.
        now: Unix seconds; the present if left out.

    Returns:
        The ids of what was removed.
    """
    sweep_sockets()
    now = time.time() if now is None else now
    removed = []
    for container, labels in engine.owned().items():
        deadline = labels.get("deadline", "")
        overdue = deadline.isdigit() and int(deadline) < now
        if overdue or (owner is not None and labels.get("owner") == owner):
            engine.remove(container)
            removed.append(container)
    return removed
