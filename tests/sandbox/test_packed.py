"""What is packed is unpacked, layer by layer, and whatever else it is costs a bounded amount."""

import base64
import bz2
import gzip
import io
import json
import lzma
import random
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.episode.honeytokens import Honeytoken, Lookout
from sandbox.episode.packed import LAYERS, MOST, WORK, unpacked


def zipped(raw: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/name.txt", raw)
    return file.getvalue()


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "zlib": zlib.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zip": zipped,
}  # fmt: skip
WRITTEN: dict[str, Callable[[bytes], bytes]] = {
    "as it is": bytes,
    "base64": base64.b64encode,
    "base64 in lines": base64.encodebytes,
    "base64 in JSON": lambda raw: json.dumps(base64.encodebytes(raw).decode()).encode(),
    "base64 for addresses": lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"="),
    "base32": base64.b32encode,
    "hex": lambda raw: raw.hex().encode(),
    "a list of numbers": lambda raw: str(list(raw)).encode(),
    "an array of C": lambda raw: ",\n".join(f"0x{byte:02x}" for byte in raw).encode(),
    "escapes": lambda raw: "".join(f"\\x{byte:02x}" for byte in raw).encode(),
}
VALUE = "HK-ABCDEFGHJKLMNPQRSTUVWXYZ"


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("compressed", COMPRESSED)
def test_a_token_is_recognised_compressed_and_encoded(compressed: str, written: str) -> None:
    packed = WRITTEN[written](COMPRESSED[compressed](b"the key: " + VALUE.encode() * 2))
    told: list[dict[str, str]] = []
    look = Lookout([Honeytoken("one", "payroll", "/work/one.key", VALUE)], told.append)
    look.look("service", b'{"state": ' + packed + b' , "end": 1}', "/pay/")
    assert [(one["where"], one["form"]) for one in told] == [("service", "packed")]


@given(
    st.binary(min_size=20, max_size=60),
    st.lists(st.sampled_from(sorted(COMPRESSED)), min_size=1, max_size=LAYERS),
)
def test_layers_are_taken_off_one_after_another(raw: bytes, layers: list[str]) -> None:
    packed = raw
    for layer in layers:
        packed = COMPRESSED[layer](packed)
    assert raw in list(unpacked(packed))


@given(
    st.binary(max_size=400),
    st.sampled_from([b"\x1f\x8b\x08", b"BZh91AY&SY", b"\xfd7zXZ\0", b"x\x9c", b"PK\x03\x04", b""]),
)
def test_whatever_the_bytes_are_nothing_is_raised(raw: bytes, begins: bytes) -> None:
    for written in WRITTEN.values():
        assert sum(map(len, unpacked(written(begins + raw)))) <= MOST


def test_a_bomb_gives_no_more_than_the_bound() -> None:
    bomb = zlib.compress(bytes(64 * MOST))
    assert len(bomb) < MOST
    assert sum(map(len, unpacked(bomb + bomb + base64.b64encode(bomb)))) <= MOST


@pytest.mark.parametrize("compressed", ["gzip", "zlib", "zip"])
def test_a_token_is_recognised_in_a_stream_that_breaks_later_on(compressed: str) -> None:
    noise = random.Random(1).randbytes(60_000)
    packed = COMPRESSED[compressed](VALUE.encode() + noise)
    broken = packed[:40_000] + b"\xff" * 20_000
    assert any(VALUE.encode() in found for found in unpacked(broken))


def test_what_leads_to_nothing_costs_a_bounded_amount_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digits that stand for no stream, begun anew 800,000 times in one body, are not decoded 800,000 times."""
    decoded: list[int] = []
    decode = base64.b64decode

    def counted(digits: bytes) -> bytes:
        decoded.append(len(digits))
        return decode(digits)

    monkeypatch.setattr(base64, "b64decode", counted)
    list(unpacked(b"xQlpo" * 800_000))
    assert 0 < sum(decoded) <= WORK


@pytest.mark.parametrize("unit", [b"\\", b"\\u00", b"1 " * 19 + b"x ", b"1" + b" " * 20_000])
def test_what_begins_like_numbers_costs_its_length(unit: bytes) -> None:
    """Tried from each backslash or number with all that follow, it would keep every box of the host waiting for hours."""
    assert list(unpacked(unit * (400_000 // len(unit)))) == []


def test_long_words_are_digits_of_nothing() -> None:
    text = b"a_function_with_a_long_name /usr/lib/python3/dist-packages/archive 0123456789abcdef0123\n" * 50
    assert list(unpacked(text)) == []
