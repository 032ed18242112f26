"""What is near the agent: other processes, sockets of container engines, secrets in the environment."""

import os
import re
import socket

from .kit import Outcome, probe

_RUNTIME_SOCKETS = (
    "/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
    "/run/crio/crio.sock", "/var/run/secrets/kubernetes.io/serviceaccount/token",
)  # fmt: skip
#: Besides these, and what the C library or Python sets, the agent's environment holds nothing.
_SECRET = re.compile(r"key|token|secret|password|credential|docker|aws|azure|google", re.IGNORECASE)
_ADDRESS = re.compile(rb"tidegauge|/home/|/root/")


@probe("surroundings.runtime_sockets", "a container engine's socket or token")
def runtime_sockets() -> Outcome:
    found = [path for path in _RUNTIME_SOCKETS if os.path.lexists(path)]
    return ("failed", ", ".join(found)) if found else ("held", "none is there")


@probe("surroundings.control_socket", "the runner's line to the host, a second time")
def control_socket() -> Outcome:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(2)
        try:
            line.connect("/run/control.sock")
        except OSError as error:
            return "held", error.strerror or type(error).__name__
    return "failed", "the host took a second connection"


@probe("surroundings.processes", "processes of the host or of other boxes")
def processes() -> Outcome:
    """Process 1 is the runner; all others descend from it, and there are few."""
    pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    with open("/proc/1/cmdline", "rb") as file:
        first = file.read(500)
    if b"/opt/tidegauge/main.py" not in first:
        return "failed", f"process 1 is {first[:60]!r}"
    return ("held", f"{len(pids)} processes") if len(pids) < 16 else ("failed", f"{len(pids)} processes show")


@probe("surroundings.kernel_threads", "the kernel's own processes")
def kernel_threads() -> Outcome:
    """A process without a command line that is no zombie: a thread of the kernel."""
    found = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file, open(f"/proc/{name}/stat", "rb") as state:
                    found += not file.read(1) and b") Z" not in state.read(300)
            except OSError:
                continue
    return ("failed", f"{found} show") if found else ("held", "none shows")


@probe("surroundings.environment", "a secret in the environment")
def environment() -> Outcome:
    found = [name for name in os.environ if _SECRET.search(name)]
    return ("failed", ", ".join(found)) if found else ("held", f"{len(os.environ)} harmless variables")


@probe("surroundings.host_name", "the host's name")
def host_name() -> Outcome:
    name = socket.gethostname()
    return ("held", "box") if name == "box" else ("failed", f"the box is called {name[:60]!r}")


@probe("surroundings.resolver", "the host's name server")
def resolver() -> Outcome:
    with open("/etc/resolv.conf") as file:
        servers = [line.split()[1] for line in file if line.startswith("nameserver")]
    others = [server for server in servers if not server.startswith("127.")]
    return ("failed", ", ".join(others)) if others else ("held", "the box's own loopback")


@probe("surroundings.socket_paths", "a path of the host that names this project or a user")
def socket_paths() -> Outcome:
    with open("/proc/self/mountinfo", "rb") as file:
        binds = [line.split()[3] for line in file if b"/run/" in line.split()[4]]
    telling = [path for path in binds if _ADDRESS.search(path)]
    return (
        ("failed", telling[0].decode("utf-8", "replace"))
        if telling
        else ("held", f"{len(binds)} say nothing")
    )


@probe("surroundings.shared_mounts", "a file system that other boxes or the host write to")
def shared_mounts() -> Outcome:
    """Optional fields stand before a dash; what is mounted in a shared one shows outside."""
    with open("/proc/self/mountinfo") as file:
        shared = [line.split()[4] for line in file if "shared:" in line.partition(" - ")[0]]
    return ("failed", ", ".join(shared[:5])) if shared else ("held", "none is shared")
