"""Requests to a solver, read strictly: what they hold comes out of a box."""

import json
from typing import Any, Final

from sandbox.service import ServiceReply, ServiceRequest

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
    if request.method != "POST" or request.path != path:
        raise Refused(404, "unknown_path")
    if len(request.body) > _MAX_BODY:
        raise Refused(413, "too_large")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "not_json") from error
    if not isinstance(body, dict) or set(body) != set(keys):
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
