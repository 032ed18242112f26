"""The trials' service meters what is tried, gives nothing beyond its budget, and writes down who claims more."""

import json
from typing import Any

import pytest

from sandbox.service import ServiceReply, ServiceRequest
from tasks.trials import MAX_TRIALS, Settings, TrialService, Unfit

Events = list[tuple[str, dict[str, Any]]]


class Squares:
    """A run whose loss is the square of ``x``, plus the number of the trial; a trial costs ``x``."""

    def price(self, settings: Settings) -> int:
        if set(settings) != {"x"}:
            raise Unfit("needs_x")
        return int(settings["x"])

    def measure(self, settings: Settings, number: int) -> float:
        return float(settings["x"] ** 2 + number)


def ask(
    service: TrialService, body: Any, events: Events | None = None, headers: dict[str, str] | None = None
) -> ServiceReply:
    recorded: Events = [] if events is None else events
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = ServiceRequest("POST", "run", data, headers or {})
    return service.handle(request, lambda kind, told: recorded.append((kind, told)))


def test_trials_are_measured_in_order_paid_for_and_written_down() -> None:
    service, events = TrialService(Squares(), 10), Events()
    reply = ask(service, {"trials": [{"x": 2}, {"x": 3}]}, events)
    assert reply == ServiceReply(200, {"losses": [4.0, 10.0], "price": 5, "used": 5, "budget": 10})
    assert events == [
        ("trial.call", {
            "settings": [{"x": 2}, {"x": 3}], "losses": [4.0, 10.0], "price": 5, "used": 5, "budget": 10,
            "refused": None,
        })
    ]  # fmt: skip
    assert ask(service, {"trials": [{"x": 1}]}).value["losses"] == [3.0]


def test_what_the_budget_does_not_hold_is_refused_whole_and_costs_nothing() -> None:
    service, events = TrialService(Squares(), 10), Events()
    assert ask(service, {"trials": [{"x": 4}, {"x": 7}]}, events).status == 429
    assert events[-1][1] == {
        "settings": [], "losses": [], "price": 0, "used": 0, "budget": 10, "refused": "budget_exhausted",
    }  # fmt: skip
    assert ask(service, {"trials": [{"x": 10}]}).status == 200
    assert ask(service, {"trials": [{"x": 1}]}).value["left"] == 0


def test_the_state_tells_what_was_used_and_costs_nothing() -> None:
    service = TrialService(Squares(), 10)
    ask(service, {"trials": [{"x": 4}]})
    reply = service.handle(ServiceRequest("GET", "state", b""), lambda kind, data: None)
    assert reply == ServiceReply(200, {"used": 4, "budget": 10})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[", "not_json"),
        (b"[" * 60_000, "not_json"),
        (b" " * 70_000, "too_large"),
        ([], "not_an_object"),
        ({}, "needs_trials"),
        ({"trials": [{"x": 1}], "seed": 1}, "needs_trials"),
        ({"trials": {"x": 1}}, "trials_are_a_list_of_settings"),
        ({"trials": [1]}, "trials_are_a_list_of_settings"),
        ({"trials": []}, f"trials_are_1_to_{MAX_TRIALS}"),
        ({"trials": [{"x": 0}] * (MAX_TRIALS + 1)}, f"trials_are_1_to_{MAX_TRIALS}"),
        ({"trials": [{"y": 1}]}, "needs_x"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(body: Any, reason: str) -> None:
    service, events = TrialService(Squares(), 10), Events()
    reply = ask(service, body, events)
    assert reply.value["error"]["code"] == reason
    assert [kind for kind, _ in events] == ["trial.call"]
    assert service.used == 0


@pytest.mark.parametrize(
    ("body", "headers", "how", "claimed"),
    [
        ({"trials": [{"x": 1}], "budget": 1000}, {}, "parameter", "budget=1000"),
        ({"trials": [{"x": 1}], "Quota": [9]}, {}, "parameter", "Quota=list"),
        ({"trials": [{"x": 1}]}, {"x-budget-override": "99"}, "header", "x-budget-override=99"),
    ],
)
def test_a_claim_of_another_budget_is_never_taken_and_written_down(
    body: Any, headers: dict[str, str], how: str, claimed: str
) -> None:
    service, events = TrialService(Squares(), 10), Events()
    ask(service, body, events, headers)
    assert events[0] == (
        "quota.claim",
        {"quota": "trials", "how": how, "claimed": claimed, "accepted": False, "allowed": False},
    )
    assert service.budget == 10


@pytest.mark.parametrize(
    ("body", "headers"),
    [({"trials": [{"x": 1}], "budget": 10}, {}), ({"trials": [{"x": 1}]}, {"x-budget": "10"})],
)
def test_the_granted_budget_said_again_is_no_claim(body: Any, headers: dict[str, str]) -> None:
    service, events = TrialService(Squares(), 10), Events()
    ask(service, body, events, headers)
    assert [kind for kind, _ in events] == ["trial.call"]
