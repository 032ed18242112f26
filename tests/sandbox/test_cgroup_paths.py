"""Control groups of version 1, hybrid and version 2, as recorded on machines of each kind."""

import os
from pathlib import Path

import pytest

from sandbox.box import Usage
from sandbox.sensors.cgroup import CgroupSensor, groups

V1 = (
    "12:pids:/docker/abc\n5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/docker/abc\n",
    "cgroup /sys/fs/cgroup/pids cgroup rw,nosuid,pids 0 0\n"
    "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,cpu,cpuacct 0 0\n"
    "cgroup /sys/fs/cgroup/memory cgroup rw,nosuid,memory 0 0\n",
)
HYBRID = (
    "9:name=systemd:/docker/abc\n8:pids:/docker/abc\n4:memory:/docker/abc\n2:cpuacct:/docker/abc\n1:cpu:/docker/abc\n0::/docker/abc\n",
    "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,nosuid 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"
    "cgroup /sys/fs/cgroup/cpuacct cgroup rw,cpuacct 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
    "cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n",
)
V2 = (
    "0::/system.slice/docker-abc.scope\n",
    "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nsdelegate 0 0\n",
)


def recorded(place: Path, texts: tuple[str, str]) -> Path:
    (place / "7").mkdir()
    (place / "self").mkdir()
    (place / "7/cgroup").write_text(texts[0])
    (place / "self/mounts").write_text(texts[1])
    return place


@pytest.mark.parametrize(
    ("texts", "version", "controller", "directory"),
    [
        (V1, 1, "cpuacct", "/sys/fs/cgroup/cpu,cpuacct/docker/abc"),
        (V1, 1, "memory", "/sys/fs/cgroup/memory/docker/abc"),
        (HYBRID, 1, "cpuacct", "/sys/fs/cgroup/cpuacct/docker/abc"),
        (HYBRID, 1, "", "/sys/fs/cgroup/unified/docker/abc"),
        (V2, 2, "", "/sys/fs/cgroup/system.slice/docker-abc.scope"),
    ],
)
def test_each_controller_is_found_where_it_is(
    tmp_path: Path, texts: tuple[str, str], version: int, controller: str, directory: str
) -> None:
    found, paths = groups(7, recorded(tmp_path, texts))
    assert (found, paths[controller]) == (version, Path(directory))


def test_a_machine_without_control_groups_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no cgroup file system is mounted"):
        groups(7, recorded(tmp_path, ("0::/\n", "proc /proc proc rw 0 0\n")))


def test_a_sensor_counts_until_it_is_closed_and_keeps_no_file_open_after() -> None:
    before = len(os.listdir("/proc/self/fd"))
    sensor = CgroupSensor(os.getpid())
    assert sensor.absent is None
    first, second = sensor.read().cpu_us, sensor.read().cpu_us
    assert first is not None and second is not None and 0 < first <= second
    own, later = sensor.first_us(), sensor.first_us()
    assert own is not None and later is not None and 0 < own <= later
    sensor.close()
    assert sensor.first_us() is None
    assert len(os.listdir("/proc/self/fd")) == before
    assert sensor.read() == Usage()
