"""Kinds of sockets that reach past the network namespace or into little-used kernel code."""

import errno
import socket

from .kit import probe, refused

_STREAM, _DGRAM, _RAW, _SEQPACKET = 1, 2, 3, 5
_KINDS = (
    ("packet", "frames on a network interface", 17, _RAW, 0),
    ("raw", "raw IPv4 packets", 2, _RAW, 255),
    ("raw6", "raw IPv6 packets", 10, _RAW, 255),
    ("vsock", "the hypervisor's sockets, which ignore network namespaces", 40, _STREAM, 0),
    ("alg", "the kernel's ciphers", 38, _SEQPACKET, 0),
    ("key", "the kernel's IPsec keys", 15, _RAW, 2),
    ("bluetooth", "radio", 31, _RAW, 1),
    ("can", "vehicle networks", 29, _RAW, 1),
    ("tipc", "cluster messages", 30, _STREAM, 0),
    ("xdp", "packets from the driver", 44, _RAW, 0),
    ("rds", "reliable datagrams", 21, _SEQPACKET, 0),
    ("llc", "link control", 26, _STREAM, 0),
    ("mptcp", "TCP over several paths", 2, _STREAM, 262),
    ("sctp", "streams in messages", 2, _STREAM, 132),
    ("netlink_netfilter", "the packet filter", 16, _RAW, 12),
    ("netlink_uevent", "the kernel's device events", 16, _RAW, 15),
    ("netlink_connector", "every process of the machine as it starts", 16, _DGRAM, 11),
    ("netlink_xfrm", "the kernel's IPsec policies", 16, _RAW, 6),
    ("netlink_generic", "all other kernel families", 16, _RAW, 16),
)


def _define(name: str, meaning: str, family: int, kind: int, protocol: int, *also: int) -> None:
    probe(f"sockets.{name}", meaning)(lambda: refused(lambda: socket.socket(family, kind, protocol), *also))


for _kind in _KINDS:
    _define(*_kind)
# The list of calls refuses it as a kernel without it does, or programs that log in would not run.
_define("netlink_audit", "the audit log", 16, _RAW, 9, errno.EPROTONOSUPPORT)
