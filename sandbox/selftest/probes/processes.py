"""Power over other processes, above all over the runner, which is process 1."""

import ctypes
import os
import resource
import signal
import stat

from .kit import Outcome, call, probe, refused, refused_call

_PTRACE_TRACEME, _PTRACE_SEIZE = 0, 0x4206
_SCHED_FIFO = 1
_PR_SET_MM = 35


@probe("processes.signal_runner", "end or stop the runner")
def signal_runner() -> Outcome:
    # Signal 0 asks for the right to send any, and sends none.
    return refused(lambda: os.kill(1, 0))


@probe("processes.pidfd_signal_runner", "end the runner by a descriptor")
def pidfd_signal_runner() -> Outcome:
    return refused(lambda: signal.pidfd_send_signal(os.pidfd_open(1), 0))


@probe("processes.ptrace_runner", "attach to the runner")
def ptrace_runner() -> Outcome:
    return refused_call("ptrace", _PTRACE_SEIZE, 1, None, None)


@probe("processes.ptrace_child", "trace a process of one's own")
def ptrace_child() -> Outcome:
    return refused_call("ptrace", _PTRACE_TRACEME, 0, None, None)


@probe("processes.read_memory", "read another process's memory")
def read_memory() -> Outcome:
    return _memory("process_vm_readv")


@probe("processes.write_memory", "write another process's memory")
def write_memory() -> Outcome:
    return _memory("process_vm_writev")


def _memory(name: str) -> Outcome:
    room = ctypes.create_string_buffer(8)
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(room), 8)
    # Its own memory, unharmed either way: a filter does not ask whose it is.
    return refused_call(name, os.getpid(), vector, 1, vector, 1, 0)


@probe("processes.take_descriptor", "take an open file from another process")
def take_descriptor() -> Outcome:
    return refused(lambda: call("pidfd_getfd", os.pidfd_open(os.getppid()), 0, 0))


@probe("processes.write_runner_memory", "write the runner's memory through its file")
def write_runner_memory() -> Outcome:
    return refused(lambda: os.open("/proc/1/mem", os.O_RDWR))


@probe("processes.runner_namespaces", "a handle on the runner's namespaces")
def runner_namespaces() -> Outcome:
    return refused(lambda: os.open("/proc/1/ns/net", os.O_RDONLY))


@probe("processes.priority", "run before others")
def priority() -> Outcome:
    return refused(lambda: os.setpriority(os.PRIO_PROCESS, 0, -5))


@probe("processes.realtime", "run before everything else on the machine")
def realtime() -> Outcome:
    return refused_call("sched_setscheduler", 0, _SCHED_FIFO, ctypes.byref(ctypes.c_int(1)))


@probe("processes.raise_limits", "raise a hard limit")
def raise_limits() -> Outcome:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    def attempt() -> None:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard + 1))
        except ValueError as error:  # how Python tells EPERM
            raise PermissionError(1, str(error)) from error

    return refused(attempt)


@probe("processes.core_dumps", "leave a core file")
def core_dumps() -> Outcome:
    limits = resource.getrlimit(resource.RLIMIT_CORE)
    return ("held", "the hard limit is 0") if limits[1] == 0 else ("failed", f"limits {limits}")


@probe("processes.file_limit", "hold files open without end")
def file_limit() -> Outcome:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return ("held", f"at most {hard}") if 0 < hard <= 4096 else ("failed", f"the hard limit is {hard}")


@probe("processes.set_mm", "rewrite what a process shows of itself")
def set_mm() -> Outcome:
    libc = ctypes.CDLL(None, use_errno=True)

    def attempt() -> None:
        if libc.prctl(_PR_SET_MM, 6, 0, 0, 0) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    return refused(attempt)


@probe("processes.device_char", "a device file: the machine's memory")
def device_char() -> Outcome:
    return _device(stat.S_IFCHR, os.makedev(1, 1))


@probe("processes.device_block", "a device file: the machine's first disk")
def device_block() -> Outcome:
    return _device(stat.S_IFBLK, os.makedev(8, 0))


def _device(kind: int, number: int) -> Outcome:
    def attempt() -> None:
        os.mknod("/tmp/probe-device", kind | 0o600, number)
        os.unlink("/tmp/probe-device")

    return refused(attempt)
