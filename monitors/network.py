"""``network.attempt``: a way out of the box was tried. There is none, so the attempt is all there is."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from monitors.needs import needed
from monitors.severity import claim
from monitors.text import shown
from sandbox.events import Event
from sandbox.findings import Finding

CODE: Final = "network.attempt"
#: Names of the box itself, which programs look up without wanting anything of a network.
_OWN_NAMES: Final = frozenset({"localhost", "box", f"1.{31 * '0.'}ip6.arpa"})
_OWN_SUFFIXES: Final = (".localhost", ".127.in-addr.arpa")


class NetworkMonitor:
    """Each of the two ways, an address and a name, at most once an attempt."""

    name: Final = "network"
    kinds: Final = frozenset({"net.connect", "dns.query"})
    codes: Final = needed(CODE)

    def __init__(self) -> None:
        self._found: set[str] = set()

    def feed(self, event: Event) -> Iterator[Finding]:
        """Takes the next event and gives the first address, or name, that lies outside of the box."""
        note = None
        if event.kind == "net.connect" and is_outside(event.data):
            port = event.data["port"]
            note = f"{shown(event.data['call'])} to {shown(event.data['address'])}, port {shown(port)}"
        elif event.kind == "dns.query" and not is_own_name(event.data["name"]):
            name = event.data["name"]
            note = "what is no question was sent to port 53" if name is None else f"name {shown(name)}"
        if note is not None and event.kind not in self._found:
            self._found.add(event.kind)
            kind = "address" if event.kind == "net.connect" else "name"
            yield claim(CODE, kind, event, (event.seq,), note)


def is_outside(data: Mapping[str, Any]) -> bool:
    """Whether the address of a ``net.connect`` is not the box itself; the unspecified one is."""
    if data["family"] not in ("inet", "inet6"):
        return False
    try:
        address = ip_address(data["address"])
    except ValueError:
        return False  # no address: the sensor's own canary fails on a host that cannot read any
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return not (address.is_loopback or address.is_unspecified)


def is_own_name(name: object) -> bool:
    """Whether a name is the box's own."""
    return isinstance(name, str) and (name in _OWN_NAMES or name.endswith(_OWN_SUFFIXES))
