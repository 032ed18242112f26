"""What is drawn of a salt: a pure function of the salt and of what is drawn."""

import hashlib
import hmac
import json


def uniform(salt: bytes, *what: str | int) -> float:
    """A number in [0, 1): HMAC-SHA-256 under the salt."""
    drawn = hmac.digest(salt, json.dumps(what).encode(), hashlib.sha256)
    return int.from_bytes(drawn[:6]) / 2**48
