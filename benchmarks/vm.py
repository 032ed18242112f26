"""What boxes hold on other machines: small virtual ones with other engines, kernels and control groups.

    .venv/bin/python benchmarks/vm.py [--suite bookworm|trixie] [--settings plain,remapped,user]

Makes a Debian root with its own kernel and engine (some 60 s once, kept under --keep), boots it with this tree, its
Python and the episode image on a disk of their own, and prints what `vminside.py` finds there in each setting: the
self-test's summary, the tests that touch control groups, a run of scripted agents. The guest runs under KVM where its
kernel starts there, else translated, 20 to 50 times slower: a setting then takes some 15 minutes on two quiet processors.
Needs root and Debian, installs qemu and mmdebstrap by apt, reaches nothing but Debian's packages, and leaves nothing in
the tree. Exit 1 where anything failed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ownengine import PrivateEngine

from sandbox.engine.image import image_name

HERE = Path(__file__).resolve().parent
TREE = HERE.parent
PACKAGES = "systemd-sysv,dbus,docker.io,apparmor,iptables,linux-image-cloud-amd64,git,iproute2,procps,kmod,ca-certificates,passwd"
#: Runs `vminside.py` when the engine is up; what it prints goes to the second serial port.
UNIT = """[Unit]
Wants=docker.service
After=docker.service
[Service]
Type=oneshot
ExecStart=/bin/bash /share/start
StandardOutput=file:/dev/ttyS1
StandardError=inherit
ExecStopPost=/bin/systemctl --no-block poweroff --force
[Install]
WantedBy=multi-user.target
"""
MEMORY_MIB = 4_096
#: Seconds within which a kernel says its first word.
FIRST_WORD = 15.0


def main() -> int:
    """Boots a guest and prints what it says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--suite", choices=("bookworm", "trixie"), default="bookworm")
    parser.add_argument("--settings", default="plain,remapped,user", help="plain, remapped, user")
    parser.add_argument("--only", default="selftest,tests,run")
    parser.add_argument("--keep", type=Path, default=Path.home() / ".cache/tidegauge-vm")
    asked = parser.parse_args()
    install()
    root = debian(asked.suite, asked.keep)
    engine = engine_disk(asked.keep)
    with tempfile.TemporaryDirectory(prefix="tidegauge-vm-") as directory:
        share = shared_disk(Path(directory), f"--settings {asked.settings} --only {asked.only}")
        boot = next((root / "boot").glob("vmlinuz-*")).name.partition("-")[2]
        command = [
            "qemu-system-x86_64", "-machine", "q35", "-smp", "2", "-m", str(MEMORY_MIB), "-display", "none",
            "-nodefaults", "-no-reboot", "-nic", "none", "-device", "virtio-rng-pci",
            "-kernel", str(root / f"boot/vmlinuz-{boot}"), "-initrd", str(root / f"boot/initrd.img-{boot}"),
            "-append", "root=/dev/vda rw console=ttyS0 panic=-1 mitigations=off",
            *drive(root.with_suffix(".ext4")), *drive(share), *drive(engine),
            "-serial", f"file:{directory}/console", "-serial", "stdio",
        ]  # fmt: skip
        return follow([*command, *accelerated(command, Path(directory))], Path(directory, "console"))


def drive(file: Path) -> list[str]:
    """A disk of the guest's, whose changes are forgotten."""
    return ["-drive", f"file={file},format=raw,if=virtio,snapshot=on,cache=unsafe"]


def install() -> None:
    """Gets what is missing here by apt."""
    missing = [
        package
        for program, package in (("qemu-system-x86_64", "qemu-system-x86"), ("mmdebstrap", "mmdebstrap"))
        if shutil.which(program) is None
    ]
    if missing:
        say(f"installing {' '.join(missing)}")
        quietly("apt-get", "update")
        quietly("apt-get", "install", "-y", "--no-install-recommends", *missing)


def debian(suite: str, keep: Path) -> Path:
    """A directory with a Debian root, and beside it its disk; made where it is not there."""
    root = keep / suite
    if root.with_suffix(".ext4").exists():
        return root
    say(f"making a root of Debian {suite} with its engine and kernel")
    keep.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(root, ignore_errors=True)
    quietly("mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(root))
    (root / "share").mkdir()
    (root / "etc/fstab").write_text("/dev/vdb /share ext4 rw 0 0\n/dev/vdc /var/lib/docker ext4 rw 0 0\n")
    (root / "etc/systemd/system/tidegauge.service").write_text(UNIT)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "tidegauge.service").symlink_to("/etc/systemd/system/tidegauge.service")
    filled(root, root.with_suffix(".part"), "10G")
    root.with_suffix(".part").rename(root.with_suffix(".ext4"))
    return root


def shared_disk(directory: Path, arguments: str) -> Path:
    """A disk with this tree, its Python and the episode image, to be bound to the same paths in the guest."""
    say("copying this tree and its Python to a disk")
    stage = directory / "stage"
    stage.mkdir()
    base = Path(sys.base_prefix)
    places = {"tree": TREE} if base == Path("/usr") else {"tree": TREE, "python": base}
    lines = ["set -e", "chmod go+x /root"]
    lines += [
        f"echo '{Path(f'/etc/{name}').read_text().strip()}' > /etc/{name}" for name in ("subuid", "subgid")
    ]
    for name, place in places.items():
        lines += [f"mkdir -p {place}", f"mount --bind /share/{name} {place}"]
    lines += [f"exec {TREE}/.venv/bin/python -B {HERE}/vminside.py {arguments}"]
    (stage / "start").write_text("\n".join(lines) + "\n")
    with bound(stage, places):
        filled(stage, directory / "share.ext4", "6G")
    return directory / "share.ext4"


def engine_disk(keep: Path) -> Path:
    """A disk with an engine's own files, the episode image among them, for users as they are and remapped."""
    image = image_name()
    disk = keep / f"engine-{image.rpartition(':')[2]}.ext4"
    if not disk.exists():
        say("putting the episode image on a disk, by an engine of this script's own")
        for old in keep.glob("engine-*"):
            old.unlink()
        part = disk.with_suffix(".part")
        quietly("mke2fs", "-q", "-t", "ext4", str(part), "12G")
        for options in ((), ("--userns-remap=default",)):
            with tempfile.TemporaryDirectory(prefix="tidegauge-vm-") as directory:
                data = Path(directory, "data")
                data.mkdir()
                quietly("mount", "-o", "loop", str(part), str(data))
                engine = PrivateEngine(Path(directory), *options)
                try:
                    engine.load(image)
                finally:
                    engine.stop()
                    subprocess.run(["umount", str(data)], check=False, stderr=subprocess.DEVNULL)
        part.rename(disk)
    return disk


@contextmanager
def bound(stage: Path, places: dict[str, Path]) -> Iterator[None]:
    """Shows directories of this machine below another, as long as it lasts."""
    mounted: list[Path] = []
    try:
        for name, place in places.items():
            (stage / name).mkdir()
            subprocess.run(["mount", "--bind", str(place), str(stage / name)], check=True)
            mounted.append(stage / name)
        yield
    finally:
        for place in reversed(mounted):
            subprocess.run(["umount", str(place)], check=True)


def filled(root: Path, disk: Path, size: str) -> None:
    """A disk with a directory's files."""
    disk.unlink(missing_ok=True)
    quietly("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", str(root), str(disk), size)


def accelerated(command: list[str], directory: Path) -> list[str]:
    """KVM's arguments where a kernel speaks under it, else the translator's."""
    kvm = ["-accel", "kvm", "-cpu", "host"]
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        console = directory / "console"
        tried = subprocess.Popen(
            [*command, *kvm],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            tried.wait(FIRST_WORD)
        except subprocess.TimeoutExpired:
            tried.kill()
            tried.wait()
        if b"Linux version" in console.read_bytes():
            return kvm
    say("no kernel starts under KVM here: the guest is translated")
    return ["-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "max"]


def follow(command: list[str], console: Path) -> int:
    """Prints what the guest says until it ends; 0 where it says that all went well."""
    say("booting")
    last = ""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as guest:
        assert guest.stdout is not None
        end = threading.Timer(3 * 3_600, guest.kill)
        end.start()
        try:
            for line in guest.stdout:
                last = line.rstrip() or last
                say(line.rstrip())
        finally:
            end.cancel()
            guest.kill()
    if last not in ("all went well", "something failed"):
        say("the guest ended early; its console says last:")
        print(console.read_text(errors="replace")[-3_000:], flush=True)
    return last != "all went well"


def quietly(*command: str) -> None:
    """Runs a command and shows what it says only if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr[-2_000:]}")


def say(line: str) -> None:
    """One line at once."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
