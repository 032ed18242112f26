"""A check that cannot fail proves nothing: the probes in containers that are loose on purpose."""

import json
import subprocess
from pathlib import Path

import pytest

from sandbox.selftest.inside import probe_files, read_results

pytestmark = pytest.mark.box

#: In the kernel's order, from bit 0 on.
CAPABILITIES = [
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID",
    "SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
    "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
    "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
    "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
]  # fmt: skip
#: Lays traps that only a root of the container can lay, then tries the probes.
PROGRAM = """
import os, runpy, shutil, socket, sys
if os.getuid() == 0:
    shutil.copy("/bin/true", "/usr/bin/raised"); os.chmod("/usr/bin/raised", 0o4755)
    shutil.copy("/bin/true", "/usr/bin/able")
    os.setxattr("/usr/bin/able", "security.capability", bytes.fromhex("0100000200000020" + "00" * 12))
held = socket.create_server(("127.0.0.1", 2375), reuse_port=True)
sys.path.insert(0, "/mnt/p")
runpy.run_module("probes", run_name="__main__")
"""
#: What may hold in both containers all the same, and why.
NOT_LOOSENED = {
    "identity.uid_map_write",  # a container without a user namespace of its own: the kernel refuses it to all
    "processes.realtime",  # a control group without real-time budget refuses it, whatever the capability
    "processes.raise_limits", "processes.set_mm", "writes.own_oom",  # need SYS_RESOURCE, which no engine here may give
    "reads.mem", "reads.kmem", "reads.port",  # devices that this machine has not
    "reads.debugfs", "reads.tracefs",  # not mounted on this machine
    "surroundings.control_socket",  # nobody listens to a second connection
    "surroundings.shared_mounts",  # this machine's mounts are private
    "writes.binfmt",  # not mounted in any container
}  # fmt: skip


def own_capabilities() -> set[str]:
    """What this machine's root may hand on: its bounding set."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("CapBnd"))
    bits = int(line.split()[1], 16)
    return {name for bit, name in enumerate(CAPABILITIES) if bits >> bit & 1}


def tried(image: str, probes: Path, *options: str) -> dict[str, str]:
    """Name -> result of every probe in a container of these options."""
    done = subprocess.run(
        ["docker", "run", "--rm", "--network=host", "--security-opt=seccomp=unconfined",
         "--add-host=example.com:192.0.2.1", "--dns=192.0.2.1", f"--volume={probes}:/mnt/p:ro", *options,
         "--entrypoint=python3", image, "-sEBc", PROGRAM, "10"],
        capture_output=True, check=True, timeout=280,
    )  # fmt: skip
    return {check.name: check.result for check in read_results(done.stdout)}


@pytest.fixture(scope="module")
def loose(image: str, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """Results of root with everything, and of a plain user without a filter who sees the host's processes."""
    probes = tmp_path_factory.mktemp("tidegauge-probes")
    for file in probe_files():
        (probes / file.path).parent.mkdir(exist_ok=True)
        (probes / file.path).write_bytes(file.content)
    probes.chmod(0o755)
    granted = [f"--cap-add={name}" for name in sorted(own_capabilities())]
    devices = [
        f"--device={path}"
        for path in ("/dev/kmsg", "/dev/fuse", "/dev/net/tun", "/dev/kvm")
        if Path(path).exists()
    ]
    disks = [
        f"--device=/dev/{path.name}"
        for path in sorted(Path("/sys/block").iterdir())
        if Path("/dev", path.name).exists()
    ]
    root = tried(
        image, probes, *granted, *devices, *disks[:1], "--security-opt=systempaths=unconfined", "--uts=host",
        "--env=SECRET_TOKEN=x", "--volume=/var/run/docker.sock:/var/run/docker.sock", "--volume=/sys:/sys",
        f"--volume={probes}:/run/probes:ro", "--ulimit=core=-1", "--ulimit=nofile=8192", "--tmpfs=/dev/shm:exec,size=1g",
    )  # fmt: skip
    user = tried(image, probes, "--user=20000:20000", "--pid=host")
    return [root, user]


def test_every_probe_fails_where_what_it_tries_is_let_through(loose: list[dict[str, str]]) -> None:
    shown = {
        name for results in loose for name, result in results.items() if result in ("failed", "accepted")
    }
    lacking = {name for name, result in loose[0].items() if result == "untestable"}
    assert set(loose[0]) - shown - lacking <= NOT_LOOSENED


def test_without_the_filter_alone_the_calls_that_it_refuses_are_taken_up(loose: list[dict[str, str]]) -> None:
    failed = {name for name, result in loose[1].items() if result == "failed"}
    assert failed >= {
        "identity.seccomp", "kernel.io_uring", "kernel.memfd", "kernel.execveat", "kernel.keyctl", "kernel.userfaultfd",
        "namespaces.unshare_user", "namespaces.clone", "namespaces.clone3", "processes.ptrace_child",
        "processes.read_memory", "sockets.vsock", "sockets.netlink_audit", "sockets.mptcp", "kernel.shmget",
    }  # fmt: skip


def test_without_sized_file_systems_nothing_bounds_files_and_bytes(loose: list[dict[str, str]]) -> None:
    failed = {name for name, result in loose[0].items() if result == "failed"}
    assert failed >= {
        "exhaustion.bytes_work",
        "exhaustion.inodes_work",
        "exhaustion.inodes_shm",
        "exhaustion.descriptors",
    }


def test_results_that_are_not_of_the_probes_are_refused() -> None:
    from sandbox.errors import BoxFault

    good = {file: ["held", ""] for file in ("kernel.bpf_map",)}
    for printed in (
        b"",
        b"[]",
        b"{}",
        json.dumps(good).encode(),
        b'{"kernel.bpf_map": "held"}',
        b'{"a": ["held"]}',
    ):
        with pytest.raises(BoxFault):
            read_results(printed)
