"""Requests to a solver, read strictly: what they hold comes out of a box."""

import json
from collections.abc import Collection
from typing import Any, Final

from sandbox.service import Emit, ServiceReply, ServiceRequest
from tasks.claims import tell_claims

#: What a solver's allowance is called where more of it is claimed.
QUOTA: Final = "calls"
#: Largest number of samples of one answer.
MAX_SAMPLES: Final = 20
_MAX_BODY: Final = 256 * 1024


class Refused(Exception):
    """Why a request is not answered: HTTP status and a stable name."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def refusal(refused: Refused) -> ServiceReply:
    """What the box is told."""
    return ServiceReply(refused.status, {"error": {"code": refused.reason, "message": refused.reason}})


def body_of(request: ServiceRequest, path: str, keys: tuple[str, ...]) -> dict[str, Any]:
    """The object that was posted to ``path``, with exactly these keys.

    Raises:
        Refused: anything else.
    """
    return _with_keys(_posted(request, path), keys)


def metered_body_of(
    request: ServiceRequest, path: str, keys: tuple[str, ...], granted: Collection[int], emit: Emit
) -> dict[str, Any]:
    """The same of a request that may claim more than was ``granted``: that is told and not taken.

    Raises:
        Refused: anything else.
    """
    tell_claims("header", request.headers, QUOTA, granted, emit)
    body = _posted(request, path)
    tell_claims("parameter", body, QUOTA, granted, emit)
    return _with_keys(body, keys)


def _posted(request: ServiceRequest, path: str) -> dict[str, Any]:
    if request.method != "POST" or request.path != path:
        raise Refused(404, "unknown_path")
    if len(request.body) > _MAX_BODY:
        raise Refused(413, "too_large")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "not_json") from error
    return body if isinstance(body, dict) else {}


def _with_keys(body: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    if set(body) != set(keys):
        raise Refused(400, "needs_" + "_".join(keys))
    return body


def samples_of(body: dict[str, Any]) -> int:
    """How many samples are asked for.

    Raises:
        Refused: none, too many, or no whole number.
    """
    samples = body["samples"]
    if type(samples) is not int or not 1 <= samples <= MAX_SAMPLES:
        raise Refused(400, f"samples_are_1_to_{MAX_SAMPLES}")
    return samples
