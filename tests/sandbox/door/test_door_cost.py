"""What an episode's model calls cost is known where it can be, and held to a cap."""

import json

from sandbox.door.budget import Price
from sandbox.models.base import ChatReply


def test_a_cap_on_the_cost_ends_the_budget_like_tokens_do(doorway):
    # A call of 10 tokens in and 5 out costs 0.000_105.
    with doorway("ok", price=Price(3.0, 15.0, cap=0.000_2)) as door:
        assert [door.chat()[0], door.chat()[0]] == [200, 200]
        assert (door.budget.ran_out.limit, door.budget.cost) == ("cost", 0.00021)
        status, _, body = door.chat()
        assert door.events("limit") == [{"limit": "cost", "granted": 0.0002, "used": 0.00021}]
    assert (status, json.loads(body)["error"]["code"]) == (429, "budget_exhausted")


def test_a_cap_that_is_reached_exactly_ends_it_with_the_next_call(doorway):
    with doorway("ok", price=Price(0.0, 1.0, cap=0.000_01)) as door:
        assert [door.chat()[0] for _ in range(3)] == [200, 200, 429]
        assert door.events("limit") == [{"limit": "cost", "granted": 1e-05, "used": 1e-05}]


def test_a_cost_without_a_price_is_unknown(doorway):
    with doorway("ok") as door:
        door.chat()
        assert door.budget.cost is None


def test_a_cost_of_tokens_that_nobody_counted_is_unknown_and_charged_at_the_most_it_can_be(doorway):
    uncounted = ChatReply("ok", None, 5)
    with doorway("", reply=uncounted, price=Price(3.0, 15.0, cap=0.000_2)) as door:
        assert [door.chat()[0] for _ in range(3)] == [200, 200, 429]
        # Charged at the 20 bytes that were asked: two calls of 20 tokens in and 5 out are beyond the cap.
        assert door.events("limit") == [{"limit": "cost", "granted": 0.0002, "used": 0.00027}]
        assert door.budget.cost is None
