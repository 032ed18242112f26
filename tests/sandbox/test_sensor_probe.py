"""What is said of a host's sensors before any box is opened."""

import os

import pytest

from sandbox.sensors import probe


def test_the_sensors_of_the_host_are_named_each_with_a_remedy() -> None:
    found = probe.probe()
    assert list(found) == ["cgroup", "notify", "files", "kernel"]
    assert all(each.remedy for each in found.values())


def test_a_user_who_may_not_read_the_agents_memory_has_no_notify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert probe.probe()["notify"].absent == "this user may not read the arguments of a box's calls"


def test_a_user_who_may_not_trace_has_no_kernel_sensor_and_lacks_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    found = probe.probe()["kernel"]
    assert (found.absent, found.optional) == ("this user may not trace the kernel", True)


def test_a_processor_whose_calls_are_not_known_has_no_notify(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert probe.probe()["notify"].absent == "no system call numbers of riscv64"
