"""Calls into parts of the kernel that no agent needs: each widens what could be attacked."""

import ctypes
import errno
import mmap
import os
import platform
import struct

from .kit import Outcome, Untestable, call, probe, raw_call, refused, refused_call

_AT_FDCWD, _AT_EMPTY_PATH = -100, 0x1000
_BPF_MAP_CREATE, _BPF_PROG_LOAD = 0, 5
_UFFD_USER_MODE_ONLY = 1
_KEYCTL_GET_KEYRING_ID, _SESSION_KEYRING = 0, -3
_SYSLOG_SIZE = 10
_IPC_CREAT, _IPC_PRIVATE = 0o1000, 0
_ADDR_NO_RANDOMIZE = 0x40000
_X32 = 0x40000000


def simple(name: str, meaning: str, number: str, *arguments: object) -> None:
    """A probe that is one system call."""
    probe(f"kernel.{name}", meaning)(lambda: refused_call(number, *arguments))


# A hash map of one element; an instruction array of length 0.
simple("bpf_map", "memory in the kernel", "bpf", _BPF_MAP_CREATE, struct.pack("5I52x", 1, 4, 4, 1, 0), 72)
simple("bpf_program", "a program in the kernel", "bpf", _BPF_PROG_LOAD, bytes(72), 72)
# A software clock of this process's own user code.
simple("perf", "performance counters", "perf_event_open", struct.pack("IIQ96x", 1, 112, 0), 0, -1, -1, 0)
simple("userfaultfd", "hold the kernel at a page fault", "userfaultfd", _UFFD_USER_MODE_ONLY)
simple("keyctl", "the kernel's keyrings", "keyctl", _KEYCTL_GET_KEYRING_ID, _SESSION_KEYRING, 0)
simple("add_key", "a key in the kernel", "add_key", b"user", b"probe", b"x", 1, _SESSION_KEYRING)
simple("request_key", "a key by way of a helper program", "request_key", b"user", b"probe", None, 0)
simple("init_module", "a module in the kernel", "init_module", None, 0, b"")
simple("finit_module", "a module from a file", "finit_module", -1, b"", 0)
simple("delete_module", "take a module away", "delete_module", b"no-such-module", os.O_NONBLOCK)
simple("kexec_load", "another kernel", "kexec_load", 0, 0, None, ~0)
simple("kexec_file_load", "another kernel from a file", "kexec_file_load", -1, -1, 0, None, ~0)
simple("name_to_handle", "a file's handle", "name_to_handle_at", _AT_FDCWD, b"/", None, None, 0)
simple("open_by_handle", "a file by its handle, past every mount", "open_by_handle_at", -1, bytes(16), 0)
simple("swapon", "a swap file", "swapon", None, 0)
simple("swapoff", "swap taken away", "swapoff", None)
# A magic number that the kernel refuses, after it has looked at the capability.
simple("reboot", "restart the machine", "reboot", 0, 0, 0, None)
simple("settimeofday", "the machine's clock", "settimeofday", None, None)
simple("clock_settime", "one of the machine's clocks", "clock_settime", 0, None)
simple("adjtimex", "the pace of the clock", "adjtimex", struct.pack("I204x", 0x8000))
simple("sethostname", "the host's name", "sethostname", b"", -1)
simple("setdomainname", "the domain's name", "setdomainname", b"", -1)
simple("acct", "process accounting into a file", "acct", b"/no-such-file")
simple("quotactl", "disk quotas", "quotactl", 0x80000300, b"/no-such-device", 0, None)
simple("syslog", "the kernel's log", "syslog", _SYSLOG_SIZE, None, 0)
simple("io_uring", "file and network calls that no sensor sees", "io_uring_setup", 1, bytes(120))
simple("memfd_secret", "memory that not even the kernel reads", "memfd_secret", 0)
simple("memfd", "a program file that lies in no directory", "memfd_create", b"probe", 0)
simple("fanotify", "watch and hold every file access", "fanotify_init", 0, 0)
simple("vmsplice", "pages passed into pipes", "vmsplice", -1, None, 0, 0)
simple("move_pages", "pages moved between nodes", "move_pages", 0, 0, None, None, None, 0)
simple("process_madvise", "advice on another process's memory", "process_madvise", -1, None, 0, 0, 0)
simple("kcmp", "compare kernel pointers", "kcmp", os.getpid(), os.getpid(), 0, 0, 0)
simple("vhangup", "hang up a terminal", "vhangup")
simple("shmget", "shared memory that outlives its processes", "shmget", _IPC_PRIVATE, 4096, _IPC_CREAT)
simple("semget", "semaphores that outlive their processes", "semget", _IPC_PRIVATE, 1, _IPC_CREAT)
simple("msgget", "queues that outlive their processes", "msgget", _IPC_PRIVATE, _IPC_CREAT)
simple("mq_open", "a message queue", "mq_open", b"probe-queue", os.O_CREAT | os.O_RDWR, 0o600, None)
simple("personality", "an address space without its randomness", "personality", _ADDR_NO_RANDOMIZE)


@probe("kernel.iopl", "the machine's input and output ports, all")
def iopl() -> Outcome:
    return refused_call("iopl", 3)


@probe("kernel.ioperm", "an input and output port")
def ioperm() -> Outcome:
    return refused_call("ioperm", 0x80, 1, 1)


@probe("kernel.modify_ldt", "segment descriptors, an old way into the kernel")
def modify_ldt() -> Outcome:
    return refused_call("modify_ldt", 0, ctypes.create_string_buffer(64), 64)


@probe("kernel.execveat", "run a program by a descriptor that has no path")
def execveat() -> Outcome:
    file = os.open("/bin/true", os.O_RDONLY)
    words = (ctypes.c_char_p * 2)(b"true", None)

    def run() -> None:
        pid = os.fork()
        if pid == 0:
            try:
                call("execveat", file, b"", words, None, _AT_EMPTY_PATH)
            except OSError as error:
                os._exit(error.errno or 1)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code:
            raise OSError(code, os.strerror(code))

    return refused(run)


@probe("kernel.abi_32", "calls by the 32-bit interface, which a filter may forget")
def abi_32() -> Outcome:
    if platform.machine() != "x86_64":
        raise Untestable("only x86-64 has it")
    # mov eax, 20 (getpid); int 0x80; ret
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes.fromhex("b814000000cd80c3"))
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    found = ctypes.CFUNCTYPE(ctypes.c_int)(address)()
    if found == os.getpid():
        return "failed", "a 32-bit call was answered"
    if found == -errno.ENOSYS:
        return "untestable", "ENOSYS: this kernel does not offer it"
    return "held", os.strerror(-found) if found < 0 else f"it gave {found}"


@probe("kernel.abi_x32", "calls by the x32 interface, which a filter may forget")
def abi_x32() -> Outcome:
    if platform.machine() != "x86_64":
        raise Untestable("only x86-64 has it")
    return refused(lambda: raw_call(_X32 | 39))
