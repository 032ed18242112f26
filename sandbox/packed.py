"""What a content holds compressed or encoded, layer by layer: streams as they are, or as digits; bounded."""

import base64
import binascii
import bz2
import lzma
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final

#: Layers that are taken off; bytes that may come out of one content; streams and runs of digits that are tried in one.
LAYERS: Final = 4
MOST: Final = 1_048_576
_TRIED: Final = 2_000
#: How a gzip, bzip2, xz, zlib stream or the file in a zip begins, wherever it stands.
_BEGINS: Final = re.compile(rb"\x1f\x8b\x08|BZh[1-9]1AY&SY|\xfd7zXZ\0|x[\x01\x5e\x9c\xda]|PK\x03\x04")
#: A run of digits, over lines too, also where the line ends are escaped, as in JSON.
_RUN: Final = re.compile(rb"[A-Za-z0-9+/_-]{16,}(?:(?:\\r)?(?:\\n|\r?\n)[A-Za-z0-9+/_-]+)*")
_ENDS: Final = re.compile(rb"\\[rn]|\s")
#: How base64 of a gzip, bzip2 or xz stream begins: what stands right before it may be digits too.
_BASE64: Final = re.compile(rb"H4sI|Qlpo|/Td6WFo")
_HEX: Final = re.compile(rb"(?:[0-9a-fA-F]{2})+")
_BASE32: Final = re.compile(rb"[A-Z2-7]+|[a-z2-7]+")
#: The head of a file in a zip: its method, and the lengths of its name and of what follows that.
_ZIPPED: Final = struct.Struct("<4x4xH16xHH")
_BROKEN: Final = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, MemoryError, struct.error)


def unpacked(content: bytes) -> Iterator[bytes]:
    """Everything that ``content`` holds packed, without itself; never raises for what it holds."""
    left = MOST
    layer = [content]
    for _ in range(LAYERS):
        inner: list[bytes] = []
        for packed in layer:
            for found in _inner(packed):
                left -= len(found)
                if left < 0:
                    return
                inner.append(found)
                yield found
        layer = inner


def _inner(content: bytes) -> Iterator[bytes]:
    for number, begins in enumerate(_BEGINS.finditer(content)):
        if number == _TRIED:
            break
        found = _tried(_stream, content[begins.start() : begins.start() + MOST])
        if found:
            yield found
    for number, run in enumerate(_RUN.finditer(content)):
        if number == _TRIED:
            break
        yield from _digits(_ENDS.sub(b"", run[0]))


def _stream(packed: bytes) -> bytes:
    """The beginning of what a stream holds, also of one that was cut off."""
    if packed.startswith(b"\x1f"):
        return zlib.decompressobj(31).decompress(packed, MOST)
    if packed.startswith(b"B"):
        return bz2.BZ2Decompressor().decompress(packed, MOST)
    if packed.startswith(b"\xfd"):
        return lzma.LZMADecompressor(memlimit=64 * 2**20).decompress(packed, MOST)
    if packed.startswith(b"x"):
        return zlib.decompressobj().decompress(packed, MOST)
    method, name, extra = _ZIPPED.unpack_from(packed)
    stored = packed[30 + name + extra :]
    return zlib.decompressobj(-15).decompress(stored, MOST) if method == zlib.DEFLATED else b""


def _digits(run: bytes) -> Iterator[bytes]:
    """What a run of digits may stand for."""
    ways: list[tuple[Callable[[bytes], bytes], bytes]] = [(_from_base64, run)]
    ways += [(_from_base64, run[begins.start() :]) for begins in _BASE64.finditer(run) if begins.start() % 4]
    if _HEX.fullmatch(run):
        ways.append((binascii.unhexlify, run))
    if _BASE32.fullmatch(run):
        ways.append((_from_base32, run.upper()))
    for decode, digits in ways:
        found = _tried(decode, digits)
        # Long words are digits too, of nothing.
        if found and (found.isascii() or _BEGINS.match(found)):
            yield found


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
