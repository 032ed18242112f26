"""Which sensors this host can have, asked without a box. Each box's own canaries have the last word."""

import ctypes
import os
import platform
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from sandbox.sensors import inotify, tracing
from sandbox.sensors.cgroup import CgroupSensor
from sandbox.sensors.filters import MACHINES, TELL

_ACTION_AVAILABLE: Final = 2
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a sensor sees, why it is ``absent`` on this host (None if it is not), and what helps."""

    sees: str
    absent: str | None
    remedy: str
    #: Nothing lacks without it but where a config names it.
    optional: bool = False


def probe() -> dict[str, Probe]:
    """By name, the sensors that depend on the host; ``runner``, ``dns`` and ``scaffold`` are in the box."""
    return {
        "cgroup": Probe(
            "the host's counters count", _cgroup(),
            "mount cgroups; without them CPU time and memory of a box are not observed",
        ),
        "notify": Probe(
            "programs, connections and calls for more rights are told by the kernel", _notify(),
            "Linux 5.5 or later, and run as root; "
            "network.attempt and privilege.attempt are not covered without it",
        ),
        "files": Probe(
            "changes of the scaffold are told by the kernel", _files(),
            "raise fs.inotify.max_user_instances above the number of boxes; "
            "an edit that is taken back is not seen without it",
        ),
        "kernel": Probe(
            "calls that a box's filter refuses are told by the kernel, where sandbox.require_sensors names it",
            tracing.missing(),
            "install bpftrace, on a kernel that describes its types, and run as root; only runs that require the "
            "sensor kernel need it",
            optional=True,
        ),
    }  # fmt: skip


def _cgroup() -> str | None:
    with closing(CgroupSensor(os.getpid())) as sensor:
        return sensor.absent


def _notify() -> str | None:
    machine = MACHINES.get(platform.machine())
    if machine is None:
        return f"no system call numbers of {platform.machine()}"
    action = ctypes.c_uint32(TELL)
    if _LIBC.syscall(machine.seccomp, _ACTION_AVAILABLE, 0, ctypes.byref(action)) != 0:
        return f"the kernel has no seccomp notification: {os.strerror(ctypes.get_errno())}"
    if os.geteuid() != 0:
        return "this user may not read the arguments of a box's calls"
    return None


def _files() -> str | None:
    try:
        inotify.Queue().close()
    except OSError as error:
        return f"inotify: {error.strerror}"
    return None
