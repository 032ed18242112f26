"""Ways out over the network. There must be none but the door."""

import errno
import socket

from .kit import Outcome, probe

_SECONDS = 1.5
#: A refusal by a machine without routes. A time-out says that a packet left the box.
_NOWHERE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_TARGETS = (
    ("metadata", "a cloud's metadata", socket.AF_INET, "169.254.169.254", 80),
    ("public", "a public address", socket.AF_INET, "1.1.1.1", 443),
    ("public6", "a public IPv6 address", socket.AF_INET6, "2606:4700:4700::1111", 443),
    ("gateway", "the engine's bridge, where the host's services listen", socket.AF_INET, "172.17.0.1", 22),
    ("private", "the host's local network", socket.AF_INET, "10.0.0.1", 443),
    ("home", "the host's local network", socket.AF_INET, "192.168.0.1", 80),
)  # fmt: skip


def _target(name: str, meaning: str, family: int, host: str, port: int) -> None:
    def attempt() -> Outcome:
        with socket.socket(family, socket.SOCK_STREAM) as line:
            line.settimeout(_SECONDS)
            try:
                line.connect((host, port))
            except OSError as error:
                name = errno.errorcode.get(error.errno or 0, "no answer in time")
                return ("held" if error.errno in _NOWHERE else "failed"), name
        return "failed", "connected"

    probe(f"network.{name}", meaning)(attempt)


for _entry in _TARGETS:
    _target(*_entry)


@probe("network.interfaces", "no interface but loopback")
def interfaces() -> Outcome:
    others = [name for _, name in socket.if_nameindex() if name != "lo"]
    # Tunnel devices without an address come with some kernels in every namespace.
    routed = {line.split()[0] for line in _lines("/proc/net/route")[1:]}
    found = [name for name in others if name in routed]
    return ("failed", ", ".join(found)) if found else ("held", "loopback alone has routes")


def _datagram(address: str, port: int) -> Outcome:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        try:
            line.sendto(b"probe", (address, port))
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "")
            return ("held" if error.errno in _NOWHERE else "failed"), name
    return "failed", "it was sent"


@probe("network.datagram", "a datagram to a public name server")
def datagram() -> Outcome:
    return _datagram("8.8.8.8", 53)


@probe("network.multicast", "a datagram to all neighbours")
def multicast() -> Outcome:
    return _datagram("224.0.0.1", 5353)


@probe("network.names", "a name resolved to an address outside")
def names() -> Outcome:
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo("example.com", 80)}
    except OSError as error:
        return "held", type(error).__name__
    outside = [address for address in found if not address.startswith("127.") and address != "::1"]
    return ("failed", ", ".join(outside)) if outside else ("held", "only addresses of the box itself")


@probe("network.host_services", "services of the host on loopback")
def host_services() -> Outcome:
    """8000 is the door's, 53 may be the box's own name server."""
    found = []
    for port in (22, 80, 443, 631, 2375, 2376, 3306, 5432, 6379, 6443, 8080, 8265, 9090, 10250):
        with socket.socket() as line:
            line.settimeout(0.2)
            if line.connect_ex(("127.0.0.1", port)) == 0:
                found.append(str(port))
    return ("failed", f"ports {', '.join(found)} answer") if found else ("held", "none answers")


@probe("network.abstract_sockets", "sockets without a file, of the host or of other boxes")
def abstract_sockets() -> Outcome:
    found = [line.split()[-1] for line in _lines("/proc/net/unix")[1:] if line.split()[-1].startswith("@")]
    return ("failed", ", ".join(found[:5])) if found else ("held", "none shows")


@probe("network.routes", "a way to anywhere")
def routes() -> Outcome:
    """Of the IPv6 table the last field is the interface; every machine has lines for loopback."""
    found = _lines("/proc/net/route")[1:]
    found += [line for line in _lines("/proc/net/ipv6_route") if line.split()[-1] != "lo"]
    return ("failed", f"{len(found)} routes") if found else ("held", "none")


def _lines(path: str) -> list[str]:
    try:
        with open(path) as file:
            return file.read().splitlines()
    except OSError:
        return []
