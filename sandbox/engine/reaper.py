"""Takes away what a dead driver left behind: containers that carry our label, places of sockets."""

import time
from pathlib import Path

from sandbox.engine.container import Engine
from sandbox.sockets import held, own_directory, sweep_sockets


def sweep(
    engine: Engine, owner: str | None = None, *, closing: bool = False, now: float | None = None
) -> list[str]:
    """Removes our containers that are past their deadline, and those that a dead process left.

    Several runners of one run may share an engine: what a living process holds is left alone.

    Args:
        engine: the container engine.
        owner: the run whose containers are looked at, besides those past their deadline.
        closing: this process is done: its own containers go as well.
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
        if overdue or (owner is not None and labels.get("owner") == owner and _left(labels, closing)):
            engine.remove(container)
            removed.append(container)
    # Last: the engine keeps an image on which a container stands.
    engine.images.sweep(now)
    return removed


def _left(labels: dict[str, str], closing: bool) -> bool:
    if "holder" not in labels:
        return True
    holder = Path(labels["holder"])
    return not held(holder) or (closing and holder == own_directory())
