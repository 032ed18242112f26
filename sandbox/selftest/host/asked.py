"""What the engine was asked for, in its own words."""

import time

from sandbox.engine.hardening import AGENT_VARIABLE, MASKED_PATHS, NAME_FILES, RUNNER_CAPABILITIES
from sandbox.selftest.checks import Outcome, holds
from sandbox.selftest.host.kit import judge
from sandbox.selftest.host.observed import Observed


def _asked(name: str, meaning: str, key: str, *wanted: object) -> None:
    """A check that the engine was asked for one of ``wanted``."""

    def look(seen: Observed) -> Outcome:
        found = seen.host.get(key)
        return holds(found in wanted, f"{key} is {found!r}")

    judge(name, meaning)(look)


_asked("network", "no network but loopback", "NetworkMode", "none")
_asked("read_only", "the root is read-only", "ReadonlyRootfs", True)
_asked("privileged", "the engine's own restrictions are on", "Privileged", False)
_asked("pid_mode", "processes of a namespace of its own", "PidMode", "", "private")
_asked("ipc_mode", "shared memory of its own", "IpcMode", "private")
_asked("uts_mode", "a host name of its own", "UTSMode", "", "private")
_asked("auto_remove", "a box whose runner ended is removed by the engine", "AutoRemove", True)
_asked("ports", "no port of the host leads in", "PortBindings", None, {})
_asked("devices", "no device of the host", "Devices", None, [])
_asked("volumes_from", "no volume of another container", "VolumesFrom", None, [])
_asked("capabilities_dropped", "the engine drops every capability", "CapDrop", ["ALL"])
_asked("extra_hosts", "no name of a host", "ExtraHosts", None, [])
_asked("groups", "no group of the host", "GroupAdd", None, [])


@judge("capabilities_added", "the runner gets back what it needs and no more")
def _capabilities_added(seen: Observed) -> Outcome:
    found = {name.removeprefix("CAP_") for name in seen.host.get("CapAdd") or []}
    return holds(found == set(RUNNER_CAPABILITIES), ", ".join(sorted(found)))


@judge("restart", "an ended box is not started again")
def _restart(seen: Observed) -> Outcome:
    found = seen.host.get("RestartPolicy", {}).get("Name")
    return holds(found in ("", "no"), f"policy {found!r}")


@judge("log_driver", "the engine keeps no log of what the box prints")
def _log_driver(seen: Observed) -> Outcome:
    found = seen.host["LogConfig"]["Type"]
    return holds(found == "none", found)


@judge("security_options", "the filter is ours, and no program raises its rights")
def _security_options(seen: Observed) -> Outcome:
    found = seen.host.get("SecurityOpt") or []
    ours = any(option.startswith("seccomp=") and '"SCMP_ACT_ERRNO"' in option for option in found)
    return holds(ours and "no-new-privileges" in found, f"{len(found)} options")


@judge("masked_paths", "what tells of the machine is masked")
def _masked_paths(seen: Observed) -> Outcome:
    left = set(MASKED_PATHS) - set(seen.host.get("MaskedPaths") or [])
    return holds(not left, f"not masked: {', '.join(sorted(left))}" if left else f"{len(MASKED_PATHS)} paths")


@judge("binds", "of the host's files only sockets and what it knows of names show, read-only")
def _binds(seen: Observed) -> Outcome:
    found = seen.host.get("Binds") or []
    places = ("/run/control.sock", "/run/door", *NAME_FILES)
    ours = {f"{place}:ro" for place in places}
    return holds(all(bind.partition(":")[2] in ours for bind in found), f"{len(found)} binds")


@judge("environment", "the container was given no variable but the agent's number")
def _environment(seen: Observed) -> Outcome:
    names = {entry.partition("=")[0] for entry in seen.container["Config"].get("Env") or []}
    return holds(names <= {AGENT_VARIABLE, "PATH"}, ", ".join(sorted(names)))


@judge("labels", "the reaper finds it: owner, holder and deadline")
def _labels(seen: Observed) -> Outcome:
    labels = seen.container["Config"]["Labels"]
    deadline = labels.get("tidegauge.deadline", "0")
    bounded = time.time() < int(deadline) < time.time() + 86_400
    named = labels.get("tidegauge.owner") == seen.owner and "tidegauge.holder" in labels
    return holds(bounded and named, f"deadline in {int(deadline) - time.time():.0f} s")
