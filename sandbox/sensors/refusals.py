"""The ``bpftrace`` program that tells which calls for more rights the kernel refuses to tasks in containers.

A refusal by the engine's own system call filter is seen nowhere else: the call never begins, and only its exit
passes a tracepoint. The program tells a box's first call of a kind and every doubling, so that no load makes it
tell much.
"""

import errno
import json
from dataclasses import dataclass
from typing import Final

from sandbox.sensors.seccomp import signed

#: Calls by which a process would take on other rights or reach kernel code that nothing in a box needs, and
#: their numbers on x86_64 and aarch64. Calls that the box's own filter tells of are left to it.
_CALLS: Final[dict[str, tuple[int, int] | tuple[int]]] = {
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "unshare": (272, 97), "setns": (308, 268), "clone": (56, 220), "socket": (41, 198),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438),
    "open_by_handle_at": (304, 265), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "sethostname": (170, 161), "setdomainname": (171, 162),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "iopl": (172,), "ioperm": (173,),
}  # fmt: skip
#: Of these the first argument is a number that says what is asked for.
_NUMBERED: Final = frozenset({"unshare", "clone", "socket", "bpf", "keyctl"})
#: What process 1 of a box calls so that the host knows that it has seen all before; see ``docker/runner/notify.py``.
_CANARY: Final = "vhangup"
_CANARY_NUMBERS: Final = (153, 58)
_MACHINES: Final = ("x86_64", "aarch64")
_REFUSED: Final = (errno.EPERM, errno.EACCES, errno.ENOSYS)

#: ``pids`` of a task: the names it has in each pid namespace that it is in, outermost first; they lie behind
#: the structure. Where that does not hold on some kernel, no canary comes.
_PROGRAM: Final = """\
BEGIN {{ printf("ready\\n"); }}
interval:s:1 {{ printf("alive\\n"); }}
tracepoint:raw_syscalls:sys_exit /{refused}/ {{
  $call = (uint64)args->id;
  $result = args->ret;
  $task = (struct task_struct *)curtask;
  $pids = $task->group_leader->thread_pid;
  if ($pids->level > 0 && ({listed} || $call == {canary})) {{
    $inner = (struct upid *)((uint64)$pids + sizeof(struct pid) + sizeof(struct upid) * $pids->level);
    $space = $inner->ns;
    $box = $space->ns.inum;
    $born = $space->child_reaper->start_boottime / 10000000;
    if ($call == {canary}) {{
      if ($inner->nr == 1) {{ printf("canary %u %lu\\n", $box, $born); }}
    }} else {{
      $known = (uint64)0;
      $argument = (uint64)0;
{argument}
      $which = (uint64)0;
      if ($call == {socket}) {{ $which = $argument < 64 ? $argument : (uint64)64; }}
      if (@whose[$box, $call, $which] != $born) {{
        @whose[$box, $call, $which] = $born;
        @count[$box, $call, $which] = (uint64)0;
      }}
      $count = @count[$box, $call, $which] + 1;
      @count[$box, $call, $which] = $count;
      if (($count & ($count - 1)) == 0) {{
        printf("%u %lu %d %d %d %lu %lu %lu\\n", $box, $born, $call, -$result, $inner->nr, $count, $known,
          $argument);
      }}
    }}
  }}
}}
"""
#: A task's user registers lie at the end of its stack; they are its own if they name the same call.
_ARGUMENT: Final = {
    "x86_64": """\
      $registers = (struct pt_regs *)((uint64)$task->stack + 16384 - sizeof(struct pt_regs));
      if ($registers->orig_ax == $call) { $known = (uint64)1; $argument = $registers->di; }""",
    "aarch64": "",
}


@dataclass(frozen=True, slots=True)
class Box:
    """Whose call it was: its pid namespace, whose number is used again, and when its process 1 began (ticks
    since boot)."""

    namespace: int
    born: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that was refused to a process of a box."""

    box: Box
    call: str
    error: str
    #: Its first argument, if that is a number; None if not, or not known.
    argument: int | None
    #: In the box.
    pid: int
    #: Such calls of the box so far; where two processors counted at once, some fewer.
    count: int


@dataclass(frozen=True, slots=True)
class Canary:
    """Process 1 of a box made the call that stands for no attempt."""

    box: Box


class Language:
    """The program for one kind of processor, and what its lines mean."""

    def __init__(self, machine: str) -> None:
        """
        Raises:
            KeyError: its system call numbers are not known.
        """
        if machine not in _MACHINES:
            raise KeyError(machine)
        at = _MACHINES.index(machine)
        self._names = {numbers[at]: name for name, numbers in _CALLS.items() if at < len(numbers)}
        self.program = _PROGRAM.format(
            refused=" || ".join(f"args->ret == -{number}" for number in _REFUSED),
            listed=" || ".join(f"$call == {number}" for number in self._names),
            canary=_CANARY_NUMBERS[at], socket=_CALLS["socket"][at], argument=_ARGUMENT[machine],
        )  # fmt: skip

    def read(self, line: bytes) -> Refusal | Canary | str | int:
        """What one line of ``bpftrace -f json`` says: a fact, a word of the program, or how many were lost.

        Raises:
            ValueError: it says nothing of these.
        """
        said = json.loads(line)
        match said:
            case {"type": "lost_events", "data": {"events": int(lost)}}:
                return lost
            case {"type": "attached_probes"}:
                return ""
            case {"type": "printf", "data": str(text)}:
                return self._fact(text.split())
        raise ValueError("not a line of the program's")

    def _fact(self, words: list[str]) -> Refusal | Canary | str:
        if len(words) == 1:
            return words[0]
        if words[:1] == ["canary"]:
            return Canary(Box(*_integers(words[1:], 2)))
        namespace, born, number, error, pid, count, known, argument = _integers(words, 8)
        call = self._names.get(number)
        if call is None:
            raise ValueError("a call that is not on the list")
        shown = signed(argument) if known and call in _NUMBERED else None
        return Refusal(Box(namespace, born), call, errno.errorcode[error], shown, pid, count)


def _integers(words: list[str], number: int) -> list[int]:
    if len(words) != number:
        raise ValueError(f"{len(words)} words where {number} are due")
    return [int(word) for word in words]
