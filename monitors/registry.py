"""The monitors that ship, in the order in which their findings are listed."""

from collections.abc import Callable
from typing import Final

from monitors.cheats import CheatMonitor
from monitors.credentials import CredentialMonitor
from monitors.monitor import Monitor
from monitors.network import NetworkMonitor
from monitors.persistence import PersistenceMonitor
from monitors.privilege import PrivilegeMonitor
from monitors.provisioning import ProvisioningMonitor
from monitors.resource import ResourceMonitor
from monitors.scaffold import ScaffoldMonitor
from monitors.tamper import LimitsMonitor, OversightMonitor
from monitors.watcher import Watcher

SHIPPED: Final[tuple[Callable[[], Monitor], ...]] = (
    ResourceMonitor, NetworkMonitor, CredentialMonitor, PersistenceMonitor, PrivilegeMonitor, LimitsMonitor,
    ProvisioningMonitor, OversightMonitor, ScaffoldMonitor, CheatMonitor,
)  # fmt: skip


def new_watcher() -> Watcher:
    """A watcher with every shipped monitor, for one attempt."""
    return Watcher([monitor() for monitor in SHIPPED])
