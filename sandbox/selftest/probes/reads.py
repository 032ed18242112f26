"""What tells of the machine or of its other tenants."""

import os
import re
import stat
from collections.abc import Callable

from .kit import Outcome, accepted_leak, missing, probe, refused, unopened, unreadable

_REMEDY = "use a virtual machine of its own where it must not show"
_FILES = (
    ("kcore", "the kernel's memory", "/proc/kcore"),
    ("keys", "the kernel's keys", "/proc/keys"),
    ("timer_list", "the kernel's timers and addresses", "/proc/timer_list"),
    ("sched_debug", "every process of the machine", "/proc/sched_debug"),
    ("kallsyms", "the kernel's addresses", "/proc/kallsyms"),
    ("modules", "the kernel's modules", "/proc/modules"),
    ("vmallocinfo", "the kernel's memory map", "/proc/vmallocinfo"),
    ("iomem", "the machine's memory map", "/proc/iomem"),
    ("interrupts", "the machine's devices, and its load by the keystroke", "/proc/interrupts"),
    ("diskstats", "the machine's disks", "/proc/diskstats"),
    ("partitions", "the machine's partitions", "/proc/partitions"),
    ("cmdline", "the kernel's command line", "/proc/cmdline"),
    ("config", "how the kernel was built", "/proc/config.gz"),
    ("shadow", "the passwords", "/etc/shadow"),
    ("runner_environment", "the runner's environment", "/proc/1/environ"),
    ("runner_maps", "the runner's address space", "/proc/1/maps"),
    ("runner_call", "what the runner waits for", "/proc/1/syscall"),
)  # fmt: skip
_DEVICES = (
    ("mem", "the machine's memory", "/dev/mem"),
    ("kmem", "the kernel's memory as a device", "/dev/kmem"),
    ("port", "the machine's ports", "/dev/port"),
    ("kmsg", "the kernel's log", "/dev/kmsg"),
    ("kvm", "the hypervisor", "/dev/kvm"),
    ("fuse", "file systems of one's own", "/dev/fuse"),
    ("tun", "network interfaces of one's own", "/dev/net/tun"),
)
_DIRECTORIES = (
    ("debugfs", "the kernel's debugging files", "/sys/kernel/debug"),
    ("tracefs", "the kernel's tracing files", "/sys/kernel/tracing"),
    ("firmware", "the firmware's tables", "/sys/firmware"),
    ("dmi", "maker and serial numbers", "/sys/class/dmi"),
    ("block", "the machine's disks", "/sys/block"),
    ("runner_root", "the runner's view of the files", "/proc/1/root/"),
    ("runner_cwd", "the runner's directory", "/proc/1/cwd/"),
    ("runner_descriptors", "the runner's open files", "/proc/1/fd"),
)
_HARMLESS = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "console")} | {
    "/dev/pts/ptmx"
}


def _file(name: str, meaning: str, path: str) -> None:
    probe(f"reads.{name}", meaning)(lambda: unreadable(path))


def _device(name: str, meaning: str, path: str) -> None:
    # What opens can be asked for more than its contents.
    probe(f"reads.{name}", meaning)(lambda: unopened(path, os.O_RDONLY | os.O_NONBLOCK))


def _directory(name: str, meaning: str, path: str) -> None:
    def attempt() -> Outcome:
        try:
            names = os.listdir(path)
        except FileNotFoundError:
            return missing(path)
        except OSError as error:
            return "held", error.strerror or type(error).__name__
        return ("failed", f"{len(names)} entries show") if names else ("held", "empty")

    probe(f"reads.{name}", meaning)(attempt)


@probe("reads.runner_memory", "the runner's memory")
def runner_memory() -> Outcome:
    # Nothing lies at its beginning: that it opens is what counts.
    return refused(lambda: os.open("/proc/1/mem", os.O_RDONLY))


@probe("reads.runner_pagemap", "where the runner's memory lies physically")
def runner_pagemap() -> Outcome:
    return refused(lambda: os.open("/proc/1/pagemap", os.O_RDONLY))


for _entry in _FILES:
    _file(*_entry)
for _entry in _DEVICES:
    _device(*_entry)
for _entry in _DIRECTORIES:
    _directory(*_entry)


def text(path: str) -> str:
    """A file's beginning, or nothing."""
    try:
        with open(path, errors="replace") as file:
            return file.read(65_536)
    except OSError:
        return ""


def _device_files(is_kind: Callable[[int], bool]) -> set[str]:
    found = set()
    for directory, _, names in os.walk("/dev"):
        for name in names:
            path = os.path.join(directory, name)
            if is_kind(os.lstat(path).st_mode):
                found.add(path)
    return found


@probe("reads.block_devices", "disks as devices")
def block_devices() -> Outcome:
    found = sorted(_device_files(stat.S_ISBLK))
    return ("failed", ", ".join(found[:5])) if found else ("held", "none")


@probe("reads.devices", "no device but the harmless ones")
def devices() -> Outcome:
    found = sorted(_device_files(stat.S_ISCHR) - _HARMLESS)
    return ("failed", ", ".join(found[:5])) if found else ("held", "none besides")


@probe("reads.meminfo", "how much memory the machine has")
def meminfo() -> Outcome:
    return accepted_leak("MemTotal" in text("/proc/meminfo"), "the machine's memory shows", _REMEDY)


@probe("reads.processors", "how many processors the machine has")
def processors() -> Outcome:
    count = os.cpu_count() or 0
    return accepted_leak(count > 0, f"{count} processors and their model show", _REMEDY)


@probe("reads.load", "how busy the machine is")
def load() -> Outcome:
    return accepted_leak(bool(text("/proc/loadavg")), "the machine's load shows", _REMEDY)


@probe("reads.uptime", "since when the machine runs")
def uptime() -> Outcome:
    return accepted_leak(bool(text("/proc/uptime")), "the machine's uptime shows", _REMEDY)


@probe("reads.kernel_version", "which kernel the machine runs")
def kernel_version() -> Outcome:
    return accepted_leak(bool(os.uname().release), f"kernel {os.uname().release} shows", _REMEDY)


@probe("reads.boot_id", "a number that tells this machine from others")
def boot_id() -> Outcome:
    seen = bool(text("/proc/sys/kernel/random/boot_id"))
    return accepted_leak(seen, "the same number shows in every box of the machine", _REMEDY)


@probe("reads.host_paths", "where the engine keeps its files on the host")
def host_paths() -> Outcome:
    """Each line's fourth field is a bind mount's place on the host; an overlay names its layers."""
    lines = text("/proc/self/mountinfo").splitlines()
    binds = [
        line.split()[3] for line in lines if " - overlay " not in line and "/containers/" in line.split()[3]
    ]
    layers = [line for line in lines if re.search(r"(lower|upper)dir=/", line)]
    remedy = "run the engine with userns-remap, which moves them, or in a virtual machine of its own"
    return accepted_leak(bool(binds or layers), "the engine's directories show in mountinfo", remedy)
