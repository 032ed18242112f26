"""Who a held task is: asked of the kernel, or read where it is too old to be asked."""

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from sandbox.sensors.proc import Numbers, number_in_box, origin
from sandbox.sensors.programs import program
from sandbox.sensors.seccomp import Held

LINUX = tuple(int(part) for part in os.uname().release.split(".")[:2])


@pytest.fixture(params=["asked", "read"])
def numbers(request: pytest.FixtureRequest) -> Iterator[Numbers]:
    numbers = Numbers(os.getpid())
    if request.param == "read":
        numbers.close()
    yield numbers
    numbers.close()


def test_a_thread_is_known_by_its_process(numbers: Numbers) -> None:
    threads: list[int] = []
    go = threading.Event()
    thread = threading.Thread(target=lambda: (threads.append(threading.get_native_id()), go.wait()))
    thread.start()
    while not threads:
        pass
    try:
        assert threads[0] != os.getpid()
        assert numbers.on_host(threads[0]) == os.getpid()
        assert numbers.in_box(threads[0]) == number_in_box(os.getpid())
    finally:
        go.set()
        thread.join()


def test_who_is_gone_has_no_number(numbers: Numbers) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(OSError):
        numbers.in_box(ended.pid)
    with pytest.raises(OSError):
        numbers.on_host(ended.pid)


def test_both_ways_tell_the_same() -> None:
    asked, read = Numbers(os.getpid()), Numbers(os.getpid())
    read.close()
    with subprocess.Popen(["sleep", "60"]) as child:
        for task in (os.getpid(), os.getppid(), child.pid):
            assert asked.in_box(task) == read.in_box(task)
            assert asked.on_host(task) == read.on_host(task)
            assert asked.origin(asked.place(task)) == read.origin(read.place(task)) == origin(f"/proc/{task}")
        assert origin(f"/proc/{child.pid}").parent == os.getpid()
        assert origin(f"/proc/{child.pid}").started >= origin(f"/proc/{os.getpid()}").started
        child.kill()
    asked.close()


def test_the_start_of_a_program_tells_what_its_caller_holds(numbers: Numbers) -> None:
    path, word = ctypes.create_string_buffer(b"/bin/sh"), ctypes.create_string_buffer(b"-c")
    pointers = (ctypes.c_uint64 * 2)(ctypes.addressof(word), 0)
    held = Held(b"", os.getpid(), 59, (ctypes.addressof(path), ctypes.addressof(pointers), 0, 0, 0, 0))
    started = origin(f"/proc/{os.getpid()}").started
    assert program(held, numbers) == {
        "pid": os.getpid(), "started": started, "path": "/bin/sh", "argv": ["-c"], "ppid": os.getppid(),
    }  # fmt: skip


@pytest.mark.skipif(LINUX < (6, 11), reason="the kernel cannot be asked")
def test_a_kernel_that_can_be_asked_is_asked() -> None:
    before = len(os.listdir("/proc/self/fd"))
    numbers = Numbers(os.getpid())
    assert len(os.listdir("/proc/self/fd")) == before + 3
    numbers.close()
    assert len(os.listdir("/proc/self/fd")) == before
