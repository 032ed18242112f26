"""What bounds the box, by the kernel's own account."""

from typing import Final

from sandbox.engine.hardening import FILE_SYSTEMS, RUNNER_PROCESSES, ULIMITS
from sandbox.selftest.checks import Outcome, holds
from sandbox.selftest.host.kit import judge
from sandbox.selftest.host.observed import Observed

#: How the kernel calls each limit, as /proc/PID/limits shows it.
LIMIT_NAMES: Final = {
    "core": "Max core file size", "nofile": "Max open files", "memlock": "Max locked memory",
    "msgqueue": "Max msgqueue size", "sigpending": "Max pending signals", "nice": "Max nice priority",
    "rtprio": "Max realtime priority",
}  # fmt: skip


@judge("memory_limit", "memory is bounded by the kernel")
def _memory_limit(seen: Observed) -> Outcome:
    found = seen.cgroup.get("memory.limit_in_bytes") or seen.cgroup.get("memory.max")
    return holds(found == str(seen.limits.memory), f"{found} where {seen.limits.memory} is granted")


@judge("swap_limit", "swap gives no more memory")
def _swap_limit(seen: Observed) -> Outcome:
    both, swap = seen.cgroup.get("memory.memsw.limit_in_bytes"), seen.cgroup.get("memory.swap.max")
    if both is None and swap is None:
        return "untestable", "this kernel does not account swap"
    return holds(both == str(seen.limits.memory) or swap == "0", f"with swap {both or swap}")


@judge("process_limit", "processes are bounded by the kernel")
def _process_limit(seen: Observed) -> Outcome:
    granted = seen.limits.processes + RUNNER_PROCESSES
    return holds(seen.cgroup.get("pids.max") == str(granted), f"{seen.cgroup.get('pids.max')} of {granted}")


@judge("cpu_limit", "processor time is bounded by the kernel")
def _cpu_limit(seen: Observed) -> Outcome:
    both = seen.cgroup.get("cpu.max") or " ".join(
        seen.cgroup.get(name, "-1") for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    )
    quota, period = both.split()
    if not quota.isdigit():
        return "failed", f"no quota: {both}"
    share = int(quota) / int(period)
    return holds(abs(share - seen.limits.cpus) < 0.01, f"{share:.2f} processors")


@judge("file_systems", "each writable file system is bounded in bytes and files")
def _file_systems(seen: Observed) -> Outcome:
    options = {line.split()[1]: line.split()[3].split(",") for line in seen.mounts}
    loose = [
        place
        for place in FILE_SYSTEMS
        if not any(o.startswith("size=") for o in options.get(place, []))
        or not any(o.startswith("nr_inodes=") for o in options[place])
        or not {"nosuid", "nodev"} <= set(options[place])
    ]
    return holds(not loose, ", ".join(loose) or f"all {len(FILE_SYSTEMS)}")


@judge("message_queues", "no message queue can be made")
def _message_queues(seen: Observed) -> Outcome:
    options = [line.split()[3].split(",") for line in seen.mounts if line.split()[1] == "/dev/mqueue"]
    return holds(bool(options) and "ro" in options[-1], "read-only")


@judge("hard_limits", "each process's hard limits are as set")
def _hard_limits(seen: Observed) -> Outcome:
    wrong = []
    for name, most in ULIMITS.items():
        line = next((line for line in seen.rlimits if line.startswith(LIMIT_NAMES[name])), "")
        if line[len(LIMIT_NAMES[name]) :].split()[1:2] != [str(most)]:
            wrong.append(name)
    return holds(not wrong, ", ".join(wrong) or f"{len(ULIMITS)} limits")


@judge("file_size", "no file grows past the disk's grant")
def _file_size(seen: Observed) -> Outcome:
    line = next(line for line in seen.rlimits if line.startswith("Max file size"))
    return holds(line.split()[4] == str(seen.limits.disk), f"{line.split()[4]} bytes")
