"""What a content holds compressed or encoded, layer by layer: streams as they are, or as digits; bounded."""

import base64
import binascii
import bz2
import lzma
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

#: Layers that are taken off, and bytes that may come out of one content.
LAYERS: Final = 4
MOST: Final = 1_048_576
#: Bytes that may be read and written for one content, all its layers and what leads to nothing included; of these,
#: what it costs to begin with a stream, and with a run of digits. One of bzip2 makes up to 900 kB before it fails.
WORK: Final = 67_108_864
_STREAM: Final = 32_768
_BZIP2: Final = 524_288
_DIGITS: Final = 16
#: Bytes of a stream that are read at a time.
_PIECE: Final = 16_384
#: How a gzip, bzip2, xz, zlib stream or the file in a zip begins, wherever it stands.
_BEGINS: Final = re.compile(rb"\x1f\x8b\x08|BZh[1-9]1AY&SY|\xfd7zXZ\0|x[\x01\x5e\x9c\xda]|PK\x03\x04")
#: A run of digits, over lines too, also where the line ends are escaped, as in JSON.
_RUN: Final = re.compile(rb"[A-Za-z0-9+/_-]{16,}(?:(?:\\r)?(?:\\n|\r?\n)[A-Za-z0-9+/_-]+)*")
_ENDS: Final = re.compile(rb"\\[rn]|\s")
#: How base64 of a gzip, bzip2 or xz stream begins: what stands right before it may be digits too.
_BASE64: Final = re.compile(rb"H4sI|Qlpo|/Td6WFo")
_HEX: Final = re.compile(rb"(?:[0-9a-fA-F]{2})+")
#: A byte as a program, a list, JSON, a URL or a page states it: what says that hexadecimal or octal digits follow,
#: and what stands between two, a line's offset included. Of backslashes in a row all or none: who writes nothing else
#: would have each of them tried with all that follow.
_SLASHES: Final = rb"(?<!\\)\\+"
_SIXTEEN, _EIGHT, _OFFSET = rb"(?:\\x|0x|" + _SLASHES + rb"u00|%|&#x)", _SLASHES, rb"(?<=\n)0[0-7]{6}(?= )"
_ONE: Final = (
    rb"(?:"
    + _SIXTEEN
    + rb"[0-9a-f]{2}|"
    + _EIGHT
    + rb"[0-3][0-7]{2}|(?<![0-9a-z])(?:&#)?[0-9]{1,3}(?![0-9a-z]))"
)
#: Shorter runs too: where it would not match, it would be tried again from each number of them.
_NUMBERS: Final = re.compile(_ONE + rb"(?:(?:[\s,;]|" + _OFFSET + rb")*" + _ONE + rb")*", re.I)
#: Numbers of a run that states something, and its length at least.
_LEAST: Final = 20
_SHORTEST: Final = 2 * _LEAST - 1
_NUMBER: Final = re.compile(
    _OFFSET + rb"|" + _SIXTEEN + rb"([0-9a-f]{2})|" + _EIGHT + rb"([0-7]{3})|([0-9]+)", re.I
)
#: How ``od`` writes a byte without a mark.
_OCTAL: Final = re.compile(rb"[0-3][0-7]{2}")
#: Bytes as one whole number, or in three digits each; as bits, in bytes or in one run.
_WHOLE: Final = re.compile(rb"(?<!\d)\d{40,1000}(?!\d)")
_BITS: Final = re.compile(rb"(?<!\d)(?:[01]{8}[\s,;]*){20,1000}(?!\d)")
_BETWEEN_BITS: Final = re.compile(rb"[^01]+")
_BASE32: Final = re.compile(rb"[A-Z2-7]+|[a-z2-7]+")
#: The head of a file in a zip: its method, and the lengths of its name and of what follows that.
_ZIPPED: Final = struct.Struct("<4x4xH16xHH")
_BROKEN: Final = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, MemoryError, struct.error)


@dataclass(slots=True)
class _Left:
    """What one content may still give and cost, in bytes."""

    bytes: int = MOST
    work: int = WORK

    def pays(self, work: int) -> bool:
        """Whether so much work may be done; it then counts as done."""
        self.work -= work
        return self.work >= 0


class _Decoder(Protocol):
    """Of any of the ways to compress; never asked for 0 bytes, which zlib takes for no bound."""

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def unpacked(content: bytes) -> Iterator[bytes]:
    """Everything that ``content`` holds packed, without itself; never raises for what it holds."""
    left = _Left()
    layer = [content]
    for _ in range(LAYERS):
        inner: list[bytes] = []
        for packed in layer:
            for found in _inner(packed, left):
                left.bytes -= len(found)
                if left.bytes < 0:
                    return
                inner.append(found)
                yield found
        layer = inner


def _inner(content: bytes, left: _Left) -> Iterator[bytes]:
    for begins in _BEGINS.finditer(content):
        if not left.pays(_BZIP2 if begins[0].startswith(b"B") else _STREAM):
            return
        if found := _stream(content, begins.start(), left):
            yield found
    for run in _RUN.finditer(content):
        yield from _digits(_ENDS.sub(b"", run[0]), left)
    for stated in _NUMBERS.finditer(content):
        if len(stated[0]) < _SHORTEST:
            continue
        if not left.pays(2 * len(stated[0])):
            return
        either = numbers(stated[0]), numbers(stated[0], base=8)
        yield from (one for one in either if len(one) >= _LEAST)
    for whole in _WHOLE.finditer(content):
        if not left.pays(4 * len(whole[0])):
            return
        yield _bytes_of(int(whole[0]))
        yield from filter(None, (_threes(whole[0][first:]) for first in range(3)))
    for bits in _BITS.finditer(content):
        if not left.pays(len(bits[0])):
            return
        yield _bytes_of(int(_BETWEEN_BITS.sub(b"", bits[0]), 2))


def _bytes_of(number: int) -> bytes:
    return number.to_bytes(-(-number.bit_length() // 8))


def _threes(digits: bytes) -> bytes:
    """Bytes of three decimal digits each; nothing if one is no byte's."""
    found = bytearray()
    for at in range(0, len(digits) - 2, 3):
        value = int(digits[at : at + 3])
        if value > 255:  # soon, where they are anything else
            return b""
        found.append(value)
    return bytes(found)


def numbers(text: bytes, base: int = 10) -> bytes:
    """The bytes that a run of numbers states; nothing if one is no byte's.

    ``base``: of those that do not say theirs, 10 or 8.
    """
    values = []
    for sixteen, eight, other in _NUMBER.findall(text):
        if other and base == 8 and not _OCTAL.fullmatch(other):
            return b""
        if digits := sixteen or eight or other:
            values.append(int(digits, 16 if sixteen else 8 if eight else base))
    return bytes(values) if max(values, default=256) < 256 else b""


def _stream(content: bytes, at: int, left: _Left) -> bytes:
    """The beginning of what a stream holds, also of one that was cut off or that breaks later on."""
    found = bytearray()
    with suppress(*_BROKEN):
        decoder, at = _decoder(content, at)
        for begins in range(at, min(len(content), at + MOST), _PIECE):
            piece = content[begins : begins + _PIECE]
            given = decoder.decompress(piece, MOST - len(found))
            found += given
            if not left.pays(len(piece) + len(given)) or decoder.eof or len(found) >= MOST:
                break
    return bytes(found)


def _decoder(content: bytes, at: int) -> tuple[_Decoder, int]:
    """What reads the stream that begins ``at``, and from where."""
    match content[at : at + 1]:
        case b"\x1f":
            return zlib.decompressobj(31), at
        case b"B":
            return bz2.BZ2Decompressor(), at
        case b"\xfd":
            return lzma.LZMADecompressor(memlimit=64 * 2**20), at
        case b"x":
            return zlib.decompressobj(), at
    method, name, extra = _ZIPPED.unpack_from(content, at)
    if method != zlib.DEFLATED:
        raise ValueError("stored as it is, or in a way of its own")
    return zlib.decompressobj(-15), at + _ZIPPED.size + name + extra


def _digits(run: bytes, left: _Left) -> Iterator[bytes]:
    """What a run of digits may stand for."""
    for decode, digits in _ways(run):
        if not left.pays(len(digits) + _DIGITS):
            return
        found = _tried(decode, digits)
        # Long words are digits too, of nothing. Text of which each byte was masked alike has all high bits alike.
        if found and (found.isascii() or min(found) >= 128 or _BEGINS.match(found)):
            yield found


def _ways(run: bytes) -> Iterator[tuple[Callable[[bytes], bytes], bytes]]:
    yield _from_base64, run
    for begins in _BASE64.finditer(run):
        if begins.start() % 4:
            yield _from_base64, run[begins.start() :]
    if _HEX.fullmatch(run):
        yield binascii.unhexlify, run
    if _BASE32.fullmatch(run):
        yield _from_base32, run.upper()


def _from_base64(digits: bytes) -> bytes:
    return base64.b64decode(
        digits.translate(bytes.maketrans(b"-_", b"+/"))[: len(digits) - (len(digits) % 4 == 1)] + b"=="
    )


def _from_base32(digits: bytes) -> bytes:
    return base64.b32decode(digits + b"=" * (-len(digits) % 8))


def _tried(decode: Callable[[bytes], bytes], packed: bytes) -> bytes:
    try:
        return decode(packed)
    except _BROKEN:
        return b""
