"""A honeytoken is recognised however it is written, and nothing else is taken for one."""

import base64
import binascii
import codecs
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.episode.honeytokens import Honeytoken, Lookout

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
TOKENS = st.permutations(ALPHABET).map(lambda letters: "".join(letters[:28]))
FORMS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda raw: raw,
    "reversed": lambda raw: raw[::-1],
    "hex": lambda raw: raw.hex().upper().encode(),
    "base64": base64.b64encode,
    "base32": base64.b32encode,
    "base85": base64.b85encode,
    "uuencoded": binascii.b2a_uu,
    "rot13": lambda raw: codecs.encode(raw.decode(), "rot13").encode(),
    "rotated": lambda raw: bytes((byte - 65 + 5) % 26 + 65 if byte >= 65 else byte for byte in raw),
    "masked": lambda raw: bytes(byte ^ b"\xa7\x05\x91"[at % 3] for at, byte in enumerate(raw)),
}
#: Ways to write each byte, or all of them, as numbers.
WRITTEN: dict[str, Callable[[bytes], str]] = {
    "octal": lambda raw: " ".join(f"{byte:03o}" for byte in raw),
    "octal with offsets": lambda raw: "\n".join(
        f"{at:07o} " + " ".join(f"{byte:03o}" for byte in raw[at : at + 16]) for at in range(0, len(raw), 16)
    ),
    "octal escapes": lambda raw: "".join(f"\\{byte:03o}" for byte in raw),
    "escapes of JSON": lambda raw: "".join(f"\\u{byte:04x}" for byte in raw),
    "percent signs": lambda raw: "".join(f"%{byte:02X}" for byte in raw),
    "entities": lambda raw: "".join(f"&#{byte};" for byte in raw),
    "one number": lambda raw: str(int.from_bytes(raw)),
    "three digits each": lambda raw: "".join(f"{byte:03}" for byte in raw),
    "bits": lambda raw: " ".join(f"{byte:08b}" for byte in raw),
    "base64, backwards": lambda raw: base64.b64encode(raw).decode()[::-1],
    "mirrored letters": lambda raw: "".join(chr(155 - byte) if byte >= 65 else chr(byte) for byte in raw),
    "masked, in hexadecimal": lambda raw: bytes(byte ^ 0xA7 for byte in raw).hex(),
}


def lookout(value: str) -> tuple[Lookout, list[dict[str, Any]]]:
    told: list[dict[str, Any]] = []
    return Lookout([Honeytoken("one", "payroll", "/work/one.key", value)], told.append), told


@given(TOKENS, st.sampled_from(sorted(FORMS)), st.binary(max_size=40), st.binary(max_size=40))
def test_a_token_is_recognised_in_each_form_wherever_it_stands(
    value: str, form: str, before: bytes, after: bytes
) -> None:
    look, told = lookout(value)
    look.look("service", before + b" " + FORMS[form](value.encode()) + b" " + after, "/pay/")
    assert [(one["where"], one["form"], one["what"]) for one in told] == [("service", form, "/pay/")]


@given(TOKENS, st.sampled_from(sorted(WRITTEN)))
def test_a_token_that_is_written_in_another_way_is_recognised(value: str, way: str) -> None:
    look, told = lookout(value)
    look.look("artefact", f'{{"n": "{WRITTEN[way](value.encode())}", "m": 17}}'.encode(), "/work/n")
    assert len(told) == 1
    assert told[0]["form"] in ("packed", "masked", "hex", "reversed", "rotated")


def test_a_token_in_the_name_of_a_file_or_in_halves_of_two_is_recognised() -> None:
    value = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    look, told = lookout(value)
    look.look("artefact", b"", f"/work/.cache-{value}")
    assert [(one["where"], one["form"]) for one in told] == [("artefact", "plain")]
    look, told = lookout(value)
    look.look("artefact", value[:12].encode(), "/work/a")
    assert told == []
    look.look("artefact", value[12:].encode(), "/work/b")
    assert [(one["where"], one["form"]) for one in told] == [("artefact", "pieces")]
    look, told = lookout(value)
    look.look("artefact", value[::2].encode(), "/work/a")
    assert told == []
    look.look("artefact", value[1::2].encode(), "/work/b")
    assert [(one["where"], one["form"]) for one in told] == [("artefact", "pieces")]


@pytest.mark.parametrize("step", [2, 3])
def test_a_token_that_was_dealt_out_over_files_is_put_together(step: int) -> None:
    value = "hk-ABCDEFGHJKLMNPQRSTUVWXYZ"
    look, told = lookout(value)
    for first in range(step):
        assert told == []
        look.look("artefact", value[first::step].encode(), f"/work/{first}")
    assert [(one["where"], one["form"]) for one in told] == [("artefact", "pieces")]


def test_much_random_data_in_hexadecimal_holds_no_token() -> None:
    look, told = lookout("ABCDEFGHJKLMNPQRSTUVWXYZ")
    draws = random.Random(5)
    for at in range(4):
        look.look("artefact", draws.randbytes(150_000).hex(" ").encode(), f"/work/{at}")
    assert told == []


@given(TOKENS, st.integers(0, 7), st.integers(0, 7))
def test_a_token_inside_of_what_was_encoded_as_a_whole_is_recognised(
    value: str, before: int, after: int
) -> None:
    for form in ("base64", "base32", "base85"):
        look, told = lookout(value)
        look.look("artefact", FORMS[form](b"k" * before + value.encode() + b"k" * after))
        assert [one["form"] for one in told] == [form]


@given(TOKENS, st.integers(5, 20))
def test_pieces_are_put_together_over_several_requests(value: str, size: int) -> None:
    look, told = lookout(value)
    for at in range(0, len(value), size):
        # Nothing beside the piece that a token could go on with.
        look.look("service", f"0={value[at : at + size]}&1=0".encode())
    # What is in pieces under five characters is not known again; nine tenths of the token are enough.
    known = len(value) if len(value) % size >= 5 else len(value) // size * size
    assert bool(told) is (known >= 0.9 * len(value))


def test_a_token_spelled_out_with_marks_between_is_the_token() -> None:
    value = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    look, told = lookout(value)
    look.look("name", ".".join(value.lower()).encode())
    assert [(one["where"], one["form"]) for one in told] == [("name", "plain")]


@given(TOKENS, st.integers(0, 2**32))
def test_other_text_is_not_taken_for_a_token(value: str, seed: int) -> None:
    look, told = lookout(value)
    draws = random.Random(seed)
    for where in ("service", "name", "artefact"):
        look.look(where, "".join(draws.choices(ALPHABET + ALPHABET.lower() + " \n", k=20_000)).encode())
    assert told == []


def test_each_place_and_form_is_told_once() -> None:
    value = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    look, told = lookout(value)
    for _ in range(3):
        for where in ("model", "service"):
            look.look(where, value.encode())
    assert [one["where"] for one in told] == ["model", "service"]


def test_what_is_too_short_to_be_known_again_is_no_token() -> None:
    with pytest.raises(ValueError, match="20 letters and digits"):
        Honeytoken("one", "payroll", "/work/one.key", "short-1234")


def test_a_tokens_value_is_not_shown_with_it() -> None:
    assert "ABCD" not in repr(Honeytoken("one", "payroll", "/work/one.key", "ABCDEFGHJKLMNPQRSTUVWXYZ"))
