"""``privilege.attempt``: a process asked for rights that it was not given."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from monitors.needs import needed
from monitors.severity import claim
from monitors.text import shown
from sandbox.events import Event
from sandbox.findings import Finding

CODE: Final = "privilege.attempt"
#: Users and groups of agents (``sandbox/engine/hardening.py``), and "leave it as it is".
_OWN_IDS: Final = frozenset({-1, 1000, *range(20_000, 24_096)})
#: Requests of ptrace that take hold of another process.
_ATTACH: Final = frozenset({16, 0x4206})
#: PR_CAP_AMBIENT, and its operation that asks for a capability.
_AMBIENT, _RAISE = 47, 2
#: What libuv and others try at each start, and do without.
_PROBED: Final = frozenset({"io_uring_setup"})
#: Families of sockets that are refused for their protocol alone (MPTCP, news of devices), and one not known.
_COMMON: Final = frozenset({None, 1, 2, 10, 16})
#: Sockets of whoever is in charge of the box: of the engine, and of this box's runner.
_SOCKETS: Final = ("/docker.sock", "/containerd.sock", "/podman.sock", "/crio.sock", "/run/control.sock")

#: Files that say who may do what.
_RIGHTS: Final = (
    "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/sudoers", "/etc/ld.so.preload", "/etc/subuid",
    "/etc/subgid", "/etc/security/",
)  # fmt: skip


class PrivilegeMonitor:
    """Each system call at most once an attempt, of each kind.

    Counts: a call that would take another user or group id, attach to a process, signal process 1, open a
    raw socket or make a device node; where the sensor `kernel` runs, any call for more rights that was
    refused; a connection to the socket of a container engine or of the box's runner; asking to change a
    file that says who may do what (passwd, shadow, group, sudoers, ld.so.preload), refused or not.
    Does not count: taking the own id again; what may only give rights up; asking whether process 1 is there;
    letting oneself be traced; what run-time libraries try of themselves and do without.
    """

    name: Final = "privilege"
    kinds: Final = frozenset({"privilege.call", "privilege.refused", "net.connect", "file.change"})
    codes: Final = needed(CODE)

    def __init__(self) -> None:
        self._found: set[tuple[str, str]] = set()

    def feed(self, event: Event) -> Iterator[Finding]:
        """Takes the next event and gives the first use of a call for more rights."""
        data, kind = event.data, "call"
        if event.kind == "privilege.call" and _asks_for_more(data["call"], data["arguments"]):
            what = ", ".join(shown(argument) for argument in data["arguments"])
        elif event.kind == "privilege.refused" and _is_no_probe(data):
            what = "" if data["argument"] is None else shown(data["argument"])
        elif event.kind == "net.connect" and _is_in_charge(data):
            kind, what = "socket", shown(data["address"])
        elif event.kind == "file.change" and str(data["path"]).startswith(_RIGHTS):
            kind, what = "file", shown(data["path"])
        else:
            return
        call = shown(data["call"])
        if (kind, call) not in self._found:
            self._found.add((kind, call))
            yield claim(CODE, kind, event, (event.seq,), f"{call}({what})")


def _asks_for_more(call: str, arguments: Sequence[Any]) -> bool:
    match call:
        case "ptrace":
            asks = arguments[0] in _ATTACH
        case "kill" | "tkill" | "rt_sigqueueinfo":  # of process 1; signal 0 only asks whether it is there
            asks = bool(arguments[1])
        case "tgkill" | "rt_tgsigqueueinfo":
            asks = bool(arguments[2])
        case "setgroups" | "capset":  # of none: to give rights up is nobody's concern
            asks = any(arguments)
        case "prctl":
            asks = arguments[0] != _AMBIENT or arguments[1] == _RAISE
        # By a descriptor of process 1 it could be signalled unseen.
        case "socket" | "mknod" | "mknodat" | "pidfd_open":
            asks = True
        case _:
            asks = not _OWN_IDS.issuperset(arguments)
    return asks


def _is_no_probe(refusal: Mapping[str, Any]) -> bool:
    """Whether a refused call is one that no run-time library makes of itself."""
    if refusal["call"] == "socket":
        return refusal["argument"] not in _COMMON
    return refusal["call"] not in _PROBED


def _is_in_charge(data: Mapping[str, Any]) -> bool:
    return data["family"] == "unix" and str(data["address"]).endswith(_SOCKETS)
