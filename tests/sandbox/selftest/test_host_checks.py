"""The host's checks, on what was observed of a good box and of boxes that lack one thing each."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sandbox.engine.hardening import FILE_SYSTEMS, MASKED_PATHS, ULIMITS
from sandbox.files import Collection
from sandbox.limits import Limits
from sandbox.selftest.behaviour import collecting
from sandbox.selftest.host.kit import JUDGES, judge_all
from sandbox.selftest.host.limits import LIMIT_NAMES
from sandbox.selftest.host.observed import NAMESPACES, Observed, Process
from sandbox.selftest.whole import HOST_KINDS

assert HOST_KINDS

NONE = "0" * 16


def process(uid: int, score: int, bits: str = NONE, **status: str) -> Process:
    ids = "\t".join([str(uid)] * 4)
    sets = {
        f"Cap{name}": bits if name in ("Eff", "Prm", "Bnd") else NONE
        for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")
    }
    fields = {"Uid": ids, "Gid": ids, "Groups": "", "Seccomp": "2", "NoNewPrivs": "1", **sets, **status}
    return Process(100 + uid, fields, score)


HOST_CONFIG = {
    "NetworkMode": "none", "ReadonlyRootfs": True, "Privileged": False, "PidMode": "", "IpcMode": "private", "UTSMode": "",
    "AutoRemove": True, "PortBindings": None, "Devices": None, "VolumesFrom": None, "CapDrop": ["ALL"], "ExtraHosts": None,
    "GroupAdd": None, "CapAdd": ["SETUID", "SETGID", "SETPCAP", "KILL", "DAC_READ_SEARCH"],
    "RestartPolicy": {"Name": ""}, "LogConfig": {"Type": "none"}, "MaskedPaths": MASKED_PATHS,
    "SecurityOpt": ["no-new-privileges", 'seccomp={"defaultAction":"SCMP_ACT_ERRNO"}'],
    "Binds": ["/tmp/.s0/a/1/c:/run/control.sock:ro", "/tmp/.s0/a/1/door:/run/door:ro"],
}  # fmt: skip
CONFIG = {
    "Env": ["AGENT_UID=20007", "PATH=/bin"],
    "Labels": {"tidegauge.owner": "o", "tidegauge.holder": "/tmp/.s0/a", "tidegauge.deadline": "1060"},
}
TMPFS = "rw,nosuid,nodev,size=1k,nr_inodes=9"
GOOD = Observed(
    Limits(memory=1000, processes=10, cpus=2.0, disk=500),
    {"HostConfig": HOST_CONFIG, "Config": CONFIG}, "o",
    process(0, 0, "00000000000001e4"), process(1001, 0), process(20007, 500),
    {name: (f"{name}:[1]", f"{name}:[2]") for name in NAMESPACES}, 1,
    {"memory.limit_in_bytes": "1000", "memory.memsw.limit_in_bytes": "1000", "pids.max": "14",
     "cpu.cfs_quota_us": "200000", "cpu.cfs_period_us": "100000"},
    (*(f"tmpfs {place} tmpfs {TMPFS} 0 0" for place in FILE_SYSTEMS), "tmpfs /dev/mqueue tmpfs ro,size=4k 0 0"),
    (*(f"{LIMIT_NAMES[name]:<25} {most} {most} units" for name, most in ULIMITS.items()), "Max file size  500 500 bytes"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _at_time_1000(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.0)


def asked(**changes: Any) -> Callable[[Observed], Observed]:
    return lambda seen: replace(seen, container={"HostConfig": HOST_CONFIG | changes, "Config": CONFIG})


def configured(**changes: Any) -> Callable[[Observed], Observed]:
    return lambda seen: replace(seen, container={"HostConfig": HOST_CONFIG, "Config": CONFIG | changes})


def bounded(**changes: str) -> Callable[[Observed], Observed]:
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return lambda seen: replace(seen, cgroup={**seen.cgroup, **named})


def changed(**changes: Any) -> Callable[[Observed], Observed]:
    return lambda seen: replace(seen, **changes)


def shared(name: str) -> Callable[[Observed], Observed]:
    return lambda seen: replace(seen, namespaces={**seen.namespaces, name: ("same", "same")})


#: Check -> what a box lacks in which it must not hold.
LACKING: dict[str, Callable[[Observed], Observed]] = {
    "network": asked(NetworkMode="bridge"), "read_only": asked(ReadonlyRootfs=False), "privileged": asked(Privileged=True),
    "pid_mode": asked(PidMode="host"), "ipc_mode": asked(IpcMode="shareable"), "uts_mode": asked(UTSMode="host"),
    "auto_remove": asked(AutoRemove=False), "ports": asked(PortBindings={"80/tcp": []}), "devices": asked(Devices=[{}]),
    "volumes_from": asked(VolumesFrom=["x"]), "capabilities_dropped": asked(CapDrop=None), "groups": asked(GroupAdd=["0"]),
    "extra_hosts": asked(ExtraHosts=["h:1.2.3.4"]), "capabilities_added": asked(CapAdd=["SETUID", "SYS_ADMIN"]),
    "restart": asked(RestartPolicy={"Name": "always"}), "log_driver": asked(LogConfig={"Type": "json-file"}),
    "security_options": asked(SecurityOpt=["no-new-privileges", "seccomp=unconfined"]),
    "masked_paths": asked(MaskedPaths=["/proc/kcore"]), "binds": asked(Binds=["/etc:/mnt:ro"]),
    "environment": configured(Env=["AGENT_UID=20007", "API_KEY=x"]),
    "labels": configured(Labels=CONFIG["Labels"] | {"tidegauge.deadline": "999"}),  # type: ignore[operator]
    "runner_capabilities": changed(runner=process(0, 0, "00000000a80425fb")),
    "agent_capabilities": changed(agent=process(20007, 500, "0000000000000020")),
    "forwarder_capabilities": changed(forwarder=process(1001, 0, "0000000000000020")),
    "users": changed(forwarder=process(20007, 0)), "agent_user": changed(agent=process(1000, 500)),
    "user_map": changed(runner=process(0, 0, "00000000000001e4")),
    "groups_of_agent": changed(agent=process(20007, 500, Groups="0")),
    "filters": changed(agent=process(20007, 500, Seccomp="0")),
    "no_new_privileges": changed(agent=process(20007, 500, NoNewPrivs="0")),
    "memory_killer": changed(agent=process(20007, 0)),
    **{f"namespace_{name}": shared(name) for name in NAMESPACES},
    "memory_limit": bounded(memory__limit_in_bytes="9223372036854771712"),
    "swap_limit": bounded(memory__memsw__limit_in_bytes="2000"), "process_limit": bounded(pids__max="max"),
    "cpu_limit": bounded(cpu__cfs_quota_us="-1"), "file_systems": changed(mounts=("tmpfs /work tmpfs rw,size=1k 0 0",)),
    "message_queues": changed(mounts=("mqueue /dev/mqueue mqueue rw 0 0",)),
    "hard_limits": changed(rlimits=(*GOOD.rlimits[1:], "Max core file size unlimited unlimited bytes")),
    "file_size": changed(rlimits=("Max file size unlimited unlimited bytes",)),
}  # fmt: skip


def test_a_good_box_fails_nothing_and_shows_only_the_user_map() -> None:
    results = {check.name: check.result for check in judge_all(GOOD)}
    assert {name: result for name, result in results.items() if result != "held"} == {
        "host.user_map": "accepted"
    }


def test_a_remapped_engine_closes_that_too() -> None:
    remapped = replace(GOOD, runner=process(100_000, 0, "00000000000001e4"), agent=process(120_007, 500))
    assert {check.result for check in judge_all(remapped)} == {"held"}


def test_a_box_that_is_bounded_by_version_2_control_groups_holds() -> None:
    groups = {"memory.max": "1000", "memory.swap.max": "0", "pids.max": "14", "cpu.max": "200000 100000"}
    results = {
        check.name: check.result for check in judge_all(replace(GOOD, cgroup_version=2, cgroup=groups))
    }
    assert "failed" not in results.values()


def test_there_is_a_box_that_lacks_it_for_each_check() -> None:
    assert {f"host.{name}" for name in LACKING} == {name for name, _, _ in JUDGES}


@pytest.mark.parametrize("name", LACKING)
def test_a_box_that_lacks_it_does_not_hold(name: str) -> None:
    results = {check.name: check.result for check in judge_all(LACKING[name](GOOD))}
    assert results[f"host.{name}"] in ("failed", "accepted")


def test_a_user_who_may_not_look_at_namespaces_is_told_so() -> None:
    blind = replace(GOOD, namespaces=dict.fromkeys(NAMESPACES, ("", "net:[2]")))
    results = {check.name: check.result for check in judge_all(blind)}
    assert {results[f"host.namespace_{name}"] for name in NAMESPACES} == {"untestable"}


def test_a_collection_that_takes_everything_or_names_nothing_fails_each_check() -> None:
    names = [
        "absolute",
        "parent",
        "circle",
        "fifo",
        "socket",
        "control\nname",
        "bytes\udcff",
        "sparse",
        "d/d/far",
    ]
    greedy = Collection({name: bytes(1000) for name in [*names, "large", *"abcd"]}, ())
    failed = {name for name, _, judge in collecting.JUDGES if judge(greedy, {})[0] == "failed"}
    assert failed == {name for name, _, _ in collecting.JUDGES}
