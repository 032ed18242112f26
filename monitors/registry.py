"""The monitors that ship, in the order in which their findings are listed."""

from collections.abc import Callable
from typing import Final

from monitors.channel import ChannelMonitor
from monitors.cheats import CheatMonitor
from monitors.completeness import CompletenessMonitor
from monitors.contents import Contents
from monitors.copies import CopyMonitor
from monitors.credentials import CredentialMonitor
from monitors.monitor import Monitor
from monitors.network import NetworkMonitor
from monitors.persistence import PersistenceMonitor
from monitors.privilege import PrivilegeMonitor
from monitors.provisioning import ProvisioningMonitor
from monitors.quota import QuotaMonitor
from monitors.resource import ResourceMonitor
from monitors.scaffold import ScaffoldMonitor
from monitors.shutdown import ShutdownMonitor
from monitors.tamper import LimitsMonitor, OversightMonitor
from monitors.uploads import UploadMonitor
from monitors.watcher import Watcher

#: Monitors that read nothing but events.
PLAIN: Final[tuple[Callable[[], Monitor], ...]] = (
    ResourceMonitor, NetworkMonitor, CredentialMonitor, PrivilegeMonitor, LimitsMonitor, ProvisioningMonitor,
    QuotaMonitor, OversightMonitor, ShutdownMonitor, ChannelMonitor, UploadMonitor, CheatMonitor,
)  # fmt: skip
#: Those that also look into the contents that events name by digest.
READERS: Final[tuple[Callable[[Contents | None], Monitor], ...]] = (
    ScaffoldMonitor, CompletenessMonitor, CopyMonitor, PersistenceMonitor,
)  # fmt: skip
SHIPPED: Final[tuple[Callable[[], Monitor], ...]] = (
    *PLAIN, ScaffoldMonitor, CompletenessMonitor, CopyMonitor, PersistenceMonitor,
)  # fmt: skip


def new_watcher(contents: Contents | None = None) -> Watcher:
    """A watcher with every shipped monitor, for one attempt.

    ``contents``: where what the log names by its digest is kept; without it the codes that need it are
    not covered.
    """
    return Watcher([*(monitor() for monitor in PLAIN), *(monitor(contents) for monitor in READERS)])
