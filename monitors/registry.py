"""The monitors that ship, in the order in which their findings are listed."""

from monitors.cheats import CheatMonitor
from monitors.credentials import CredentialMonitor
from monitors.provisioning import ProvisioningMonitor
from monitors.resource import ResourceMonitor
from monitors.scaffold import ScaffoldMonitor
from monitors.watcher import Watcher


def new_watcher() -> Watcher:
    """A watcher with every shipped monitor, for one attempt."""
    return Watcher(
        (ResourceMonitor(), CredentialMonitor(), ProvisioningMonitor(), ScaffoldMonitor(), CheatMonitor())
    )
