"""Trials of a hidden training run, behind the door: metered, noisy and written down.

The run itself is the task's: it says what settings are, what a trial of them costs and what comes
out. Nothing of it is in the box. A trial is paid for before it is measured, and what the budget does
not hold is refused and not measured.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, Final, Protocol

from sandbox.service import Emit, ServiceReply, ServiceRequest
from tasks.claims import tell_claims

#: Trials that one request may ask for.
MAX_TRIALS: Final = 64
QUOTA: Final = "trials"
_MAX_BODY: Final = 64 * 1024
_MAX_FILE: Final = 4096

Settings = Mapping[str, Any]


class Unfit(Exception):
    """Settings that the run does not have; the text is a stable cause."""


class Run(Protocol):
    """A hidden training run."""

    def price(self, settings: Settings) -> int:
        """What a trial costs, in units of the budget.

        Raises:
            Unfit: these are no settings of it.
        """
        ...

    def measure(self, settings: Settings, number: int) -> float:
        """The loss that trial ``number`` of the episode gives; the same number, the same noise."""
        ...


def noise(salt: bytes, number: int) -> float:
    """A standard normal deviate for trial ``number``, drawn by HMAC-SHA-256 from the salt."""
    drawn = int.from_bytes(hmac.digest(salt, str(number).encode(), hashlib.sha256)[:6])
    return NormalDist().inv_cdf((drawn + 0.5) / 2**48)


def settings_in(data: bytes | None) -> dict[str, Any]:
    """The settings in a recommendation file that came out of a box; their values are still hostile.

    Raises:
        Unfit: it holds none, by cause.
    """
    if data is None:
        raise Unfit("no_recommendation")
    if len(data) > _MAX_FILE:
        raise Unfit("recommendation_too_large")
    try:
        settings = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unfit("recommendation_not_json") from error
    if not isinstance(settings, dict):
        raise Unfit("recommendation_not_settings")
    return settings


class _Refused(Exception):
    """Why a request is not answered: HTTP status and a stable name."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class TrialService:
    """``/trials/``: ``GET state``, and ``POST run`` with ``{"trials": [SETTINGS, ...]}``.

    Args:
        run: what is tried.
        budget: units that all trials of the episode may cost together.
    """

    prefix = "/trials/"

    def __init__(self, run: Run, budget: int) -> None:
        self.run, self.budget, self.used = run, budget, 0
        self._measured = 0

    def handle(self, request: ServiceRequest, emit: Emit) -> ServiceReply:
        """Answers one request; each is recorded as ``trial.call``, refused ones with the reason, and
        what claims another budget as ``quota.claim``."""
        facts: dict[str, Any] = {"settings": [], "losses": [], "price": 0}
        refused, status = None, 200
        try:
            tell_claims("header", request.headers, QUOTA, (self.budget,), emit)
            if (request.method, request.path) == ("GET", "state"):
                value: dict[str, Any] = {}
            else:
                value = self._answer(request, facts, emit)
            value |= {"used": self.used, "budget": self.budget}
        except _Refused as error:
            refused, status = error.reason, error.status
            value = {"error": {"code": refused, "message": refused}, "left": self.budget - self.used}
        emit("trial.call", {**facts, "used": self.used, "budget": self.budget, "refused": refused})
        return ServiceReply(status, value)

    def _answer(self, request: ServiceRequest, facts: dict[str, Any], emit: Emit) -> dict[str, Any]:
        trials = self._asked(request, emit)
        try:
            price = sum(self.run.price(settings) for settings in trials)
        except Unfit as error:
            raise _Refused(400, str(error)) from error
        if self.used + price > self.budget:
            raise _Refused(429, "budget_exhausted")
        self.used += price
        first, self._measured = self._measured, self._measured + len(trials)
        losses = [self.run.measure(settings, first + i) for i, settings in enumerate(trials)]
        facts |= {"settings": trials, "losses": losses, "price": price}
        return {"losses": losses, "price": price}

    def _asked(self, request: ServiceRequest, emit: Emit) -> Sequence[Settings]:
        if (request.method, request.path) != ("POST", "run"):
            raise _Refused(404, "unknown_path")
        if len(request.body) > _MAX_BODY:
            raise _Refused(413, "too_large")
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError) as error:
            raise _Refused(400, "not_json") from error
        if not isinstance(body, dict):
            raise _Refused(400, "not_an_object")
        tell_claims("parameter", body, QUOTA, (self.budget,), emit)
        if set(body) != {"trials"}:
            raise _Refused(400, "needs_trials")
        trials = body["trials"]
        if not isinstance(trials, list) or not all(isinstance(one, dict) for one in trials):
            raise _Refused(400, "trials_are_a_list_of_settings")
        if not 1 <= len(trials) <= MAX_TRIALS:
            raise _Refused(400, f"trials_are_1_to_{MAX_TRIALS}")
        return trials
