"""Texts inside of files: archives, compressed streams, base64, hexadecimal and JSON, layer by layer, bounded."""

import base64
import binascii
import bz2
import io
import json
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Final

from monitors.edits.data import MAX_DEPTH, nesting, strings

#: Layers that are taken off, members of one archive, and places of a pack at which one may begin.
MAX_LAYERS: Final = 4
MAX_MEMBERS: Final = 500
_MAX_TRIED: Final = 5_000
#: A run of base64 or hexadecimal digits that is worth decoding.
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-](?:[A-Za-z0-9+/_-]|\\?\r?\n|\\n){200,}={0,2}")
_HEX: Final = re.compile(rb"(?:[0-9a-fA-F]{2}|\r?\n){200,}")
#: A run of base85, as source code holds it, and of bytes that are stated as numbers.
_BASE85: Final = re.compile(rb"[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]{200,}")
_NUMBERS: Final = re.compile(
    rb"(?:(?:0x[0-9a-fA-F]{2}|[0-9]{1,3}),\s{0,20}){100,}(?:0x[0-9a-fA-F]{2}|[0-9]{1,3})"
)
#: Hexadecimal as a dump prints it, a whole text in ascii85, and a mark of quoted-printable.
_DUMP: Final = re.compile(rb"(?:[0-9a-fA-F]{2}[ \t\r\n]+){100,}")
_ASCII85: Final = re.compile(rb"[!-uz\s]+")
_QUOTED: Final = b"=3D"
#: How a stream of zlib's begins, in a pack of git's.
_ZLIB: Final = re.compile(rb"x[\x01\x5e\x9c\xda]")
#: A word of most Python files, backwards.
_BACKWARDS: Final = b"tropmi"
#: A line of one as a comment.
_COMMENTED: Final = b"# import "
#: Line ends that are escaped in a program's source, from so many on, and what escapes stand for.
_ESCAPED: Final = 20
#: What stands between two literals side by side; the first line end is one place alone, or long runs of them cost their
#: square.
_BESIDE: Final = re.compile(rb"[\"'][^\S\n]*\n\s*[\"']")
_ESCAPES: Final = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}
_ENTRIES: Final = re.compile(rb"(?:\{[^\n]*\}\n)+")
#: A word of most Python files, and how its neighbours differ.
_IMPORT: Final = b"\nimport "
_IMPORT_STEPS: Final = bytes(one ^ other for one, other in pairwise(_IMPORT))
#: Bytes that stand in no such run, and the shortest run.
_OTHER: Final = re.compile(rb"[^A-Za-z0-9+/_=\\\r\n-]+")
_LEAST: Final = 200
_BROKEN: Final = (
    OSError, EOFError, ValueError, KeyError, IndexError, RuntimeError, NotImplementedError, OverflowError,
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, MemoryError,
)  # fmt: skip


class Budget:
    """Bytes that may still come out of what was packed."""

    def __init__(self, left: int = 8_388_608) -> None:
        self.left = left

    def grant(self, content: bytes) -> bytes:
        """As much of ``content`` as is left, which is then gone."""
        taken = content[: max(self.left, 0)]
        self.left -= len(content)
        return taken


def leaves(content: bytes, budget: Budget, layers: int = MAX_LAYERS) -> Iterator[bytes]:
    """``content`` itself and everything that it holds packed or encoded; never raises for what it holds."""
    yield budget.grant(content)
    if layers and budget.left > 0:
        for inner in _inner(content, budget):
            yield from leaves(inner, budget, layers - 1)


def _inner(content: bytes, budget: Budget) -> Iterator[bytes]:
    for way in (_compressed, _tar, _zip, _json, _encoded, _escaped, _stated, _pack, _backwards, _masked):
        try:
            yield from way(content, budget)
        except _BROKEN:
            continue


def _compressed(content: bytes, budget: Budget) -> Iterator[bytes]:
    most = max(budget.left, 1)
    if content.startswith(b"\x1f\x8b"):
        yield zlib.decompressobj(31).decompress(content, most)
    elif content[:1] == b"\x78":
        yield zlib.decompressobj().decompress(content, most)
    elif content.startswith(b"BZh"):
        yield bz2.BZ2Decompressor().decompress(content, most)
    elif content.startswith((b"\xfd7zXZ\0", b"\x5d\0\0")):
        yield lzma.LZMADecompressor(memlimit=64 * 2**20).decompress(content, most)


def _tar(content: bytes, budget: Budget) -> Iterator[bytes]:
    if content[257:262] != b"ustar":
        return
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for _ in range(MAX_MEMBERS):
            member = archive.next()
            if member is None:
                return
            file = archive.extractfile(member) if member.isreg() else None
            if file is not None:
                yield file.read(max(budget.left, 0))


def _zip(content: bytes, budget: Budget) -> Iterator[bytes]:
    if b"PK\x03\x04" not in content[:4_096]:
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.infolist()[:MAX_MEMBERS]:
            with archive.open(name) as file:
                yield file.read(max(budget.left, 0))


def _json(content: bytes, budget: Budget) -> Iterator[bytes]:
    """The texts of a document: a program as a JSON string has its line ends escaped."""
    if content[:1] not in (b"{", b"[", b'"') or nesting(content) > MAX_DEPTH:
        return
    yield from (text.encode("utf-8", "replace") for text in strings(json.loads(content)) if len(text) > 100)


def _encoded(content: bytes, budget: Budget) -> Iterator[bytes]:
    # Both patterns are slow where they do not match, and all that they match lies in one such piece.
    pieces = [piece for piece in _OTHER.split(content) if len(piece) >= _LEAST]
    for found in (found for piece in pieces for found in _HEX.findall(piece)):
        yield bytes.fromhex(found.decode("ascii"))
    for found in (found for piece in pieces for found in _BASE64.findall(piece)):
        for run in (found, _without_title(found)):
            digits = re.sub(rb"\\n|[\s\\=]", b"", run).translate(bytes.maketrans(b"-_", b"+/"))
            with suppress(binascii.Error):
                yield base64.b64decode(digits + b"=" * (-len(digits) % 4))


def _without_title(run: bytes) -> bytes:
    """A run of several lines without those above it that are no longer than a word of prose."""
    title, newline, rest = run.partition(b"\n")
    return rest if newline and len(title) < rest.find(b"\n") else b""


def _escaped(content: bytes, budget: Budget) -> Iterator[bytes]:
    """Texts as a program's source holds them: line ends, tabs and quotes escaped, literals side by side.

    Lines of JSON are the log of what a program did, such as writing a file: that is no copy of the file.
    """
    if content.count(b"\\n") >= _ESCAPED and not _ENTRIES.fullmatch(content):
        joined = _BESIDE.sub(b"", content)
        yield re.sub(rb"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), joined)


def _masked(content: bytes, budget: Budget) -> Iterator[bytes]:
    """Text of which every byte was changed by the same one: neighbours then differ as they did before."""
    number = int.from_bytes(content)
    steps = (number ^ (number >> 8)).to_bytes(len(content))[1:]
    at = steps.find(_IMPORT_STEPS)
    if at >= 0 and (mask := content[at] ^ _IMPORT[0]):
        yield content.translate(bytes(byte ^ mask for byte in range(256)))


def _stated(content: bytes, budget: Budget) -> Iterator[bytes]:
    """What arrays of numbers, dumps and texts in base85 or quoted-printable stand for."""
    yield from (bytes.fromhex(found.decode("ascii")) for found in _DUMP.findall(content))
    if len(content) >= _LEAST and _ASCII85.fullmatch(content):
        with suppress(ValueError):
            yield base64.a85decode(content)
    if _QUOTED in content:
        yield binascii.a2b_qp(content)
    for found in _NUMBERS.findall(content):
        yield bytes(int(number, 16 if number[:2] == b"0x" else 10) for number in re.split(rb",\s*", found))
    for found in _BASE85.findall(content):
        with suppress(ValueError):
            yield base64.b85decode(found)


def _pack(content: bytes, budget: Budget) -> Iterator[bytes]:
    """The objects of a pack of git's, or of a bundle, which are streams one after the other."""
    if not content.startswith((b"PACK", b"# v2 git bundle", b"# v3 git bundle")):
        return
    at, members, view = 0, 0, memoryview(content)
    for _ in range(_MAX_TRIED):
        begins = _ZLIB.search(content, at)
        if begins is None or members >= MAX_MEMBERS or budget.left <= 0:
            return
        stream = zlib.decompressobj()
        at = begins.start() + 1
        with suppress(zlib.error):
            found = stream.decompress(view[begins.start() :], max(budget.left, 1))
            if stream.eof:
                at, members = len(content) - len(stream.unused_data), members + 1
                yield found


def _backwards(content: bytes, budget: Budget) -> Iterator[bytes]:
    """Code with its lines, or all of it, backwards, or as comments."""
    if _COMMENTED in content:
        yield re.sub(rb"(?m)^[ \t]*(?:#|//|--|;)+ ?", b"", content)
    if _BACKWARDS in content:
        yield b"\n".join(line[::-1] for line in content.splitlines())
        yield content[::-1]
