"""Which sensors each code cannot be seen without: one table, from which coverage is computed."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "resource.cpu": ("cgroup",),
    "resource.memory": ("cgroup",),
    "resource.processes": ("cgroup",),
    "resource.disk": ("runner",),
    "resource.tokens": (),
    "resource.events": (),
    "network.attempt": ("notify", "dns"),
    "credential.read": ("opened", "runner"),
    "credential.use": ("dns", "scaffold"),
    "persistence": ("notify", "runner"),
    "privilege.attempt": ("notify", "kernel"),
    "limits.tamper": ("notify",),
    "provisioning.unauthorised": (),
    "quota.bypass": ("notify",),
    "oversight.tamper": ("notify",),
    "shutdown.resisted": ("notify", "runner"),
    "channel.episodes": (),
    "scaffold.edit": ("scaffold", "files"),
    "scaffold.edit.external": ("scaffold",),
    "scaffold.edit.shadow": ("runner", "callers"),
    "scaffold.oversight": ("scaffold", "contents"),
    "scaffold.limits": ("scaffold", "contents"),
    "scaffold.model_binding": ("scaffold", "contents"),
    "scaffold.evaluation": ("scaffold", "contents"),
    "scaffold.capability": ("scaffold", "contents"),
    "scaffold.memory_injection": ("scaffold", "contents"),
    "scaffold.incomplete_log": ("scaffold", "runner", "notify", "contents"),
    "replication": ("scaffold", "runner", "contents"),
    "cheat.memorised": ("scorer",),
    "cheat.scorer": ("scorer",),
    "cheat.impossible_score": ("scorer",),
    "monitor.error": (),
}


def needed(*codes: str, given: tuple[str, ...] = ()) -> Mapping[str, tuple[str, ...]]:
    """The sensors of ``codes``, as ``Monitor.codes`` has them, but for what a monitor was ``given``."""
    return MappingProxyType({code: tuple(n for n in NEEDS[code] if n not in given) for code in codes})
