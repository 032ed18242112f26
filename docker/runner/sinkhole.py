"""A name server on 127.0.0.1:53 that knows no name and says which ones were asked for.

Every name is answered with NXDOMAIN: a program then gives up at once, as it should without a
network, and is led to no address that is not there.
"""

import selectors
import socket
import struct
from collections.abc import Callable

ADDRESS = ("127.0.0.1", 53)
#: Different questions that are told; each is told by its first and every doubling.
MAX_DIFFERENT = 1_000

_HEADER = struct.Struct("!6H")
_RESPONSE, _RECURSION_AVAILABLE = 0x8000, 0x0080
_OPCODE, _RECURSION_DESIRED = 0x7800, 0x0100
_FORM_ERROR, _NO_SUCH_NAME = 1, 3
_MAX_NAME = 255
_CONNECTIONS = 16
_TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV",
          64: "SVCB", 65: "HTTPS", 252: "AXFR", 255: "ANY"}  # fmt: skip

#: Name as RFC 1035 section 5.1 writes it, in lower case, and type; None for what is no question.
Question = tuple[str, str] | None


def answer(query: bytes) -> tuple[bytes, Question]:
    """The reply to a query (RFC 1035 section 4), and what it asked for.

    Raises:
        ValueError: not even a header of a query, which is left unanswered.
    """
    if len(query) < _HEADER.size:
        raise ValueError("no header")
    identity, flags, *_ = _HEADER.unpack_from(query)
    if flags & _RESPONSE:
        raise ValueError("no query")
    flags = flags & (_OPCODE | _RECURSION_DESIRED) | _RESPONSE | _RECURSION_AVAILABLE
    try:
        question, end = _question(query)
    except (ValueError, struct.error):
        return _HEADER.pack(identity, flags | _FORM_ERROR, 0, 0, 0, 0), None
    return _HEADER.pack(identity, flags | _NO_SUCH_NAME, 1, 0, 0, 0) + query[_HEADER.size : end], question


def _question(query: bytes) -> tuple[tuple[str, str], int]:
    labels, at = [], _HEADER.size
    while at - _HEADER.size <= _MAX_NAME and at < len(query):
        length = query[at]
        at += 1
        if length == 0:
            kind, _ = struct.unpack_from("!HH", query, at)
            return (".".join(labels) or ".", _TYPES.get(kind, str(kind))), at + 4
        if length > 63:
            raise ValueError("a question holds no pointer")
        labels.append("".join(_shown(byte) for byte in query[at : at + length]))
        at += length
    raise ValueError("the name has no end")


def _shown(byte: int) -> str:
    if chr(byte) in '.\\"':
        return "\\" + chr(byte)
    return chr(byte).lower() if 33 <= byte <= 126 else f"\\{byte:03d}"


class Sinkhole:
    """Answers on ``ADDRESS``, by UDP and TCP."""

    def __init__(self, selector: selectors.BaseSelector, tell: Callable[[dict], None]) -> None:
        """
        Args:
            selector: registers callables with it, which take the mask of what happened.
            tell: gets ``{name, type, protocol, count}``, or None for a question that was not told.

        Raises:
            OSError: the port is not to be had.
        """
        self._selector, self._tell = selector, tell
        self._counts: dict[tuple, int] = {}
        self._open = 0
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(ADDRESS)
        self._tcp = socket.create_server(ADDRESS, backlog=_CONNECTIONS)
        for listening, act in ((self._udp, self._datagram), (self._tcp, self._accept)):
            listening.setblocking(False)
            selector.register(listening, selectors.EVENT_READ, act)

    def _datagram(self, _: int) -> None:
        query, asker = self._udp.recvfrom(2**16)
        try:
            self._udp.sendto(self._reply(query, "udp"), asker)
        except (ValueError, OSError):
            return  # unanswerable, or the asker is gone

    def _accept(self, _: int) -> None:
        client, _ = self._tcp.accept()
        if self._open >= _CONNECTIONS:
            client.close()
            return
        self._open += 1
        client.setblocking(False)
        data = bytearray()
        self._selector.register(client, selectors.EVENT_READ, lambda _: self._stream(client, data))

    def _stream(self, client: socket.socket, data: bytearray) -> None:
        try:
            chunk = client.recv(2**16)
            data += chunk
            while len(data) >= 2 and len(data) >= 2 + (size := int.from_bytes(data[:2])):
                reply = self._reply(bytes(data[2 : 2 + size]), "tcp")
                del data[: 2 + size]
                # One that does not read its replies is not waited for.
                client.sendall(len(reply).to_bytes(2) + reply)
            if chunk:
                return
        except (ValueError, OSError):
            pass
        self._selector.unregister(client)
        client.close()
        self._open -= 1

    def _reply(self, query: bytes, protocol: str) -> bytes:
        reply, question = answer(query)
        key = (question, protocol)
        if key not in self._counts and len(self._counts) >= MAX_DIFFERENT:
            self._tell(None)
            return reply
        self._counts[key] = count = self._counts.get(key, 0) + 1
        if count & (count - 1) == 0:
            name, kind = question or (None, None)
            self._tell({"name": name, "type": kind, "protocol": protocol, "count": count})
        return reply
