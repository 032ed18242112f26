"""All probes: importing a kind registers its own."""

from . import exhaustion, identity, kernel, mounts, network, processes, reads, sockets, surroundings, writes
from .kit import PROBES

KINDS = (mounts, kernel, sockets, identity, writes, reads, surroundings, network, processes, exhaustion)

__all__ = ["KINDS", "PROBES"]
