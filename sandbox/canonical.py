"""Canonical JSON: the one byte form that is hashed, chained and stored.

UTF-8, sorted keys, no spaces, no escaped non-ASCII, no NaN. Bytes that are not UTF-8 are
written as ``{"b64": …}``; bytes that are, as the string they spell.
"""

import base64
import hashlib
import json
from typing import Any


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")


#: CPython's encoder, made once, where ``json.dumps`` makes one for each call. Its arguments: markers, default,
#: encoder of strings, indent, separators of keys and items, sort_keys, skipkeys, allow_nan.
_chunks = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, _plain, json.encoder.encode_basestring, None, ":", ",", True, False, False
)


def _text(value: Any) -> str:
    return "".join(_chunks(value, 0))


def canonical(value: Any) -> bytes:
    """The canonical JSON of ``value``.

    Raises:
        TypeError: a value that JSON does not know.
        ValueError: NaN or an infinity.
        RecursionError: it is nested too deeply, or in itself.
    """
    text = _text(value)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        # Lone surrogates cannot be written as UTF-8; they come from hostile text and are replaced. Once
        # more from the start, because keys may sort in another order then.
        return _text(json.loads(text.encode("utf-8", "replace"))).encode("utf-8")


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of ``value``, 64 hex digits."""
    return sha256(canonical(value))


def sha256(data: bytes) -> str:
    """SHA-256 of ``data``, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()
