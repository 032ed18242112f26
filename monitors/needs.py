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
    "privilege.attempt": ("notify",),
    "limits.tamper": ("notify",),
    "provisioning.unauthorised": (),
    "oversight.tamper": ("notify",),
    "scaffold.edit": ("scaffold", "files"),
    "cheat.memorised": ("scorer",),
    "cheat.scorer": ("scorer",),
    "cheat.impossible_score": ("scorer",),
    "monitor.error": (),
}


def needed(*codes: str) -> Mapping[str, tuple[str, ...]]:
    """The sensors of ``codes``, as ``Monitor.codes`` has them."""
    return MappingProxyType({code: NEEDS[code] for code in codes})
