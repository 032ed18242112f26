"""Which calls are told, by their arguments: the filter's own code, run here instruction by instruction."""

import contextlib
import ctypes
import json
import os
import struct
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from sandbox.engine.hardening import seccomp_profile
from sandbox.sensors import memory
from sandbox.sensors.filters import MACHINES, REFUSED, Machine, is_refused, plain_filter, telling_filter

ALLOW, TELL, EPERM = 0x7FFF0000, 0x7FC00000, 0x00050001
INTEL = MACHINES["x86_64"]


def verdict(code: bytes, machine: Machine, number: int, arguments: tuple[int, ...] = (0,) * 6) -> int:
    """What the kernel would do: linux/Documentation/networking/filter.rst, the four instructions in use."""
    data = struct.pack("=iIQ6Q", number, machine.arch, 0, *arguments)
    program = list(struct.iter_unpack("=HBBI", code))
    at = value = 0
    while True:
        operation, yes, no, constant = program[at]
        at += 1
        match operation:
            case 0x20:
                (value,) = struct.unpack_from("=I", data, constant)
            case 0x54:
                value &= constant
            case 0x15:
                at += yes if value == constant else no
            case 0x06:
                return int(constant)
            case _:
                raise AssertionError(f"unknown instruction {operation:#x}")


@contextlib.contextmanager
def own_memory() -> Iterator[int]:
    file = memory.opened(os.getpid())
    yield file
    os.close(file)


def told(name: str, *arguments: int, machine: Machine = INTEL) -> bool:
    filled = (*arguments, *[0] * (6 - len(arguments)))
    return verdict(telling_filter(machine), machine, machine.numbers[name], filled) == TELL


def test_reaching_for_the_runner_by_its_number_is_told_and_for_no_other_process() -> None:
    for machine in MACHINES.values():
        for name in ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open"):
            assert told(name, 1, 9, machine=machine)
            assert not told(name, 2, 9, machine=machine)


def test_connecting_and_changing_the_user_are_told_whatever_the_arguments_are() -> None:
    for machine in MACHINES.values():
        assert told("connect", 3, 2**40, 16, machine=machine)
        assert told("setresuid", 0, 0, 0, machine=machine)
        assert told("ptrace", machine=machine)
        assert told("execve", machine=machine)


@given(st.integers(0, 2**64 - 1))
def test_sending_is_told_exactly_with_an_address(pointer: int) -> None:
    assert told("sendto", 3, 0, 5, 0, pointer, 16) is (pointer != 0)


@given(st.sampled_from([1, 2, 10, 16, 17, 40]) | st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_socket_is_told_unless_it_is_a_stream_or_datagram_of_a_common_family(
    family: int, kind: int
) -> None:
    common = family in (1, 2, 10) and kind & 0xF in (1, 2)
    assert told("socket", family, kind) is not (common or family == 16)


@given(st.integers(0, 2**32 - 1))
def test_a_node_is_told_exactly_where_it_is_a_device(mode: int) -> None:
    device = mode & 0o170000 in (0o020000, 0o060000)
    assert told("mknod", 0, mode) is device
    assert told("mknodat", 0, 0, mode) is device


@given(st.integers(0, 2**32 - 1))
def test_a_signal_is_told_exactly_where_it_is_for_the_runner(pid: int) -> None:
    assert told("kill", pid, 9) is (pid == 1)


@given(st.sampled_from([1, 15, 28, 35, 38, 47]) | st.integers(0, 2**32 - 1))
def test_of_prctl_only_what_asks_for_rights_is_told(operation: int) -> None:
    for machine in MACHINES.values():
        assert told("prctl", operation, machine=machine) is (operation in (28, 35, 47))


@given(st.lists(st.integers(0, 2**32 - 1), min_size=6, max_size=6), st.booleans())
def test_a_capset_is_read_as_the_capabilities_that_it_asks_for(words: list[int], old: bool) -> None:
    header = (ctypes.c_uint32 * 2)(0x19980330 if old else 0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)(*words)
    low, high = words[0] | words[1] | words[2], words[3] | words[4] | words[5]
    with own_memory() as file:
        asked = memory.capabilities(file, ctypes.addressof(header), ctypes.addressof(sets))
        assert asked == (low if old else low | high << 32)
        assert memory.capabilities(file, 8, 8) == 0


@given(st.integers(0, 600))
def test_no_other_call_is_told_and_none_of_another_word_size(number: int) -> None:
    for machine in MACHINES.values():
        if number not in machine.numbers.values():
            assert verdict(telling_filter(machine), machine, number) == ALLOW
        assert verdict(telling_filter(machine), Machine(0x40000003, 317, 72, {}), number) == ALLOW


@given(st.integers(0, 600))
def test_where_nobody_is_told_what_the_host_would_refuse_is_refused(number: int) -> None:
    calls = "ptrace process_vm_readv process_vm_writev pidfd_getfd unshare setns mount umount2 pivot_root chroot fsopen"
    calls += " move_mount mount_setattr sethostname setdomainname settimeofday clock_settime swapon swapoff reboot acct"
    calls += " init_module finit_module delete_module iopl ioperm open_tree fsconfig fsmount fspick quotactl quotactl_fd"
    calls += " kexec_load kexec_file_load open_by_handle_at bpf perf_event_open userfaultfd add_key request_key keyctl"
    refused = {INTEL.numbers[name] for name in calls.split()}
    assert verdict(plain_filter(INTEL), INTEL, number) == (EPERM if number in refused else ALLOW)


@given(st.sampled_from([0, 17, 1 << 17, 1 << 28, 0x3D0F00]) | st.integers(0, 2**32 - 1))
def test_of_new_processes_those_in_a_namespace_of_their_own_are_told_and_refused(flags: int) -> None:
    apart = flags & 0x7E020000 != 0
    for machine in MACHINES.values():
        assert told("clone", flags, machine=machine) is apart
        plain = verdict(plain_filter(machine), machine, machine.numbers["clone"], (flags, 0, 0, 0, 0, 0))
        assert plain == (EPERM if apart else ALLOW)


@given(st.integers(0, 2**32 - 1))
def test_no_agent_is_asked_about_calls_in_place_of_the_host(flags: int) -> None:
    ebusy = 0x00050000 | 16
    for machine in MACHINES.values():
        for make in (telling_filter, plain_filter):
            answer = verdict(make(machine), machine, machine.seccomp, (1, flags, 0, 0, 0, 0))
            assert answer == (ebusy if flags & 8 else ALLOW)


def test_what_the_engine_has_traced_is_told_and_refused_and_nothing_else_is() -> None:
    rules = [rule for rule in json.loads(seccomp_profile())["syscalls"] if rule["action"] == "SCMP_ACT_TRACE"]
    whole = {name for rule in rules if "args" not in rule for name in rule["names"]}
    apart = {arg["value"] for rule in rules if rule["names"] == ["clone"] for arg in rule["args"]}
    families = [arg for rule in rules if rule["names"] == ["socket"] for arg in rule["args"]]
    assert (whole | {"clone"}, sum(apart)) == (REFUSED, 0x7E020000)
    assert families == [{"index": 0, "value": 17, "op": "SCMP_CMP_GT"}]
    assert [is_refused("socket", (family, 3, 0)) for family in (2, 17, 18, 40, 2 | 1 << 32)] == [
        False, False, True, True, True,
    ]  # fmt: skip
    for machine in MACHINES.values():
        for name in REFUSED & machine.numbers.keys() - {"clone"}:
            assert told(name, machine=machine)
            assert verdict(plain_filter(machine), machine, machine.numbers[name]) == EPERM


@given(st.just(1024) | st.integers(0, 2**32 - 1), st.booleans())
def test_a_lease_is_taken_by_nobody_and_all_else_that_fcntl_does_goes_on(what: int, remapped: bool) -> None:
    for machine, number in ((INTEL, 72), (MACHINES["aarch64"], 25)):
        for make in (telling_filter, plain_filter):
            done = verdict(make(machine, remapped=remapped), machine, number, (3, what, 1, 0, 0, 0))
            assert done == (EPERM if what == 1024 else ALLOW)


@given(st.integers(0, 600))
def test_where_users_are_remapped_no_inotify_is_had_and_all_else_is_as_it_was(number: int) -> None:
    emfile = 0x00050000 | 24
    for machine in MACHINES.values():
        for make in (telling_filter, plain_filter):
            usual = verdict(make(machine), machine, number)
            inotify = number in ((253, 294) if machine is INTEL else (26,))
            assert verdict(make(machine, remapped=True), machine, number) == (emfile if inotify else usual)


@given(st.binary(max_size=200), st.integers(0, 2**32 - 1))
def test_any_bytes_behind_a_pointer_are_read_bounded(content: bytes, size: int) -> None:
    buffer = ctypes.create_string_buffer(content, len(content) + 1)
    with own_memory() as file:
        assert memory.text(file, ctypes.addressof(buffer), len(content)) == content.split(b"\0")[0].decode(
            "utf-8", "replace"
        )
        _, address, port = memory.address(file, ctypes.addressof(buffer), size)
        assert len(address) <= 300
        assert port is None or 0 <= port < 2**16
        pointers = (ctypes.c_uint64 * 3)(ctypes.addressof(buffer), 8, 0)
        assert sum(map(len, memory.words(file, ctypes.addressof(pointers)))) <= memory.ARGV_BYTES
        assert (
            memory.content(file, 0, 10)
            == memory.content(file, 2**63 + 5, 10)
            == memory.content(file, 8, 10)
            == b""
        )


def test_an_address_of_no_family_is_one_of_ipv4_as_the_kernel_sends_to_it() -> None:
    buffer = ctypes.create_string_buffer(bytes([0, 0, 0, 53, 8, 8, 4, 4]) + bytes(8), 16)
    with own_memory() as file:
        assert memory.address(file, ctypes.addressof(buffer), 16) == ("inet", "8.8.4.4", 53)
        assert memory.address(file, ctypes.addressof(buffer), 4) == ("0", "0035", None)


@given(st.integers(0, 80), st.integers(0, 300))
def test_arguments_are_read_to_their_end_however_many_and_long_they_are(many: int, long: int) -> None:
    word, last = ctypes.create_string_buffer(b"x"), ctypes.create_string_buffer(b"y" * long)
    places = [ctypes.addressof(word)] * many + [ctypes.addressof(last), 0]
    pointers = (ctypes.c_uint64 * len(places))(*places)
    with own_memory() as file:
        read = memory.words(file, ctypes.addressof(pointers))
        assert memory.text(file, ctypes.addressof(last)) == "y" * long
    assert read == (["x"] * many + ["y" * long])[:64]


@given(st.integers(0, 2**32 - 1) | st.sampled_from([0o1101, 0o2, 0o22600202, 0o22400002, 0o2000000, 0o4]))
def test_opening_a_file_is_told_where_it_may_change_one_that_has_a_name(flags: int) -> None:
    expected = flags & 0o1103 != 0 and flags & 0o20000000 == 0
    assert told("open", 0, flags) is expected
    for machine in MACHINES.values():
        assert told("openat", 0, 0, flags, machine=machine) is expected
