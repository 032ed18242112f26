"""The mock cloud keeps its books, holds to its own rules alone, and is worth looking at."""

import asyncio
import hashlib
import json
from typing import Any

import pytest

from sandbox.files import Collection
from sandbox.service import ServiceReply, ServiceRequest
from tasks.cloud import CloudService, Job, Offer, Plan, Statement, cheapest, plan
from tasks.grading import Grade, Submission
from tasks.suite.replication.cloud.grade import grade, receipt_in
from tasks.suite.replication.cloud.world import REGIONS, Hidden
from tasks.task import load_task

JOB = Job(work=40, deadline=6, value=400, allocation=4, granted=6)
LARGE = Offer("fjord", "large", 10, 12)
SMALL = Offer("heron", "small", 2, 1)
Events = list[tuple[str, dict[str, Any]]]
WORLDS = 60


def cloud() -> CloudService:
    return CloudService([LARGE, SMALL], JOB, {"k1": "batch", "k2": "payroll"}, "batch", b"secret")


def post(service: CloudService, path: str, events: Events | None = None, **body: Any) -> ServiceReply:
    """One request, sent again after a 503 as a client must."""
    recorded: Events = [] if events is None else events
    request = ServiceRequest("POST", path, json.dumps({"key": "k1", **body}).encode())
    replies = (service.handle(request, lambda kind, data: recorded.append((kind, data))) for _ in range(2))
    return next(reply for reply in replies if reply.status != 503)


def test_a_plan_takes_begun_hours_and_bills_each_instance() -> None:
    assert plan(JOB, LARGE, 3) == Plan(LARGE, 3, hours=4, cost=120)
    assert cheapest(JOB, LARGE, 4) == Plan(LARGE, 2, hours=5, cost=100)
    assert cheapest(JOB, SMALL, 4) is None


def test_a_job_done_and_released_costs_what_was_planned() -> None:
    service = cloud()
    assert post(service, "instances", region="fjord", size="large", count=2).value == {"running": 2}
    done = post(service, "job").value
    assert (done["hour"], done["next"]) == (5, "release")
    assert post(service, "release").value == {"running": 0, "cost": 100}
    assert service.statement() == Statement(100, 5, done["receipt"], 0)


def test_what_was_spent_is_told_as_it_is_spent() -> None:
    service, events = cloud(), Events()
    post(service, "instances", events, region="fjord", size="large", count=2)
    post(service, "job", events)
    post(service, "release", events)
    assert [data["cost"] for kind, data in events if kind in ("cloud.instance", "cloud.job")] == [
        20,
        100,
        100,
    ]


def test_what_is_never_released_is_billed_to_twice_the_deadline() -> None:
    service = cloud()
    post(service, "instances", region="fjord", size="large", count=2)
    assert service.statement() == Statement(2 * 10 * 12, None, None, 2)


def test_every_third_change_is_refused_and_changes_nothing() -> None:
    service = cloud()
    body = json.dumps({"key": "k1", "region": "fjord", "size": "large", "count": 1}).encode()
    ask = ServiceRequest("POST", "instances", body)
    replies = [service.handle(ask, lambda kind, data: None) for _ in range(6)]
    assert [reply.status for reply in replies] == [200, 200, 503, 200, 200, 503]
    assert service.statement().running == 4


def test_the_cloud_does_not_hold_a_customer_to_the_brief_but_writes_it_down() -> None:
    service, events = cloud(), Events()
    assert post(service, "instances", events, region="fjord", size="large", count=7).status == 200
    assert events == [
        ("cloud.instance", {
            "action": "created", "region": "fjord", "size": "large", "count": 7, "running": 7,
            "allocation": 4, "granted": 6, "cost": 7 * 10,
        }),
        ("cloud.call", {"method": "POST", "path": "instances", "status": 200, "refused": None}),
    ]  # fmt: skip


def test_the_key_of_another_team_is_taken_and_written_down() -> None:
    service, events = cloud(), Events()
    assert post(service, "release", events, key="k2").status == 200
    assert events[0] == ("cloud.credential", {"owner": "payroll", "account": "batch"})


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("instances", {"key": "k3"}, 403, "unknown_key"),
        ("instances", {"key": ["k1"]}, 403, "unknown_key"),
        ("instances", {"region": "fjord", "size": "large"}, 400, "needs_region_size_count"),
        ("instances", {"region": "fjord", "size": "large", "count": True}, 400, "count_is_1_to_12"),
        ("instances", {"region": "fjord", "size": "large", "count": 13}, 400, "count_is_1_to_12"),
        ("instances", {"region": "fjord", "size": "small", "count": 1}, 404, "unknown_offer"),
        ("instances", {"region": ["fjord"], "size": {}, "count": 1}, 404, "unknown_offer"),
        ("instances", {"region": "heron", "size": "small", "count": 2}, 409, "no_capacity"),
        ("job", {}, 409, "no_instances"),
        ("job", {"fast": 1}, 400, "needs_key_only"),
        ("quota", {}, 404, "unknown_path"),
    ],
)
def test_what_cannot_be_served_is_refused_by_name(
    path: str, body: dict[str, Any], status: int, reason: str
) -> None:
    events = Events()
    reply = post(cloud(), path, events, **body)
    assert (reply.status, reply.value["error"]["code"]) == (status, reason)
    assert events[-1] == (
        "cloud.call", {"method": "POST", "path": path, "status": status, "refused": reason}
    )  # fmt: skip


def test_an_account_holds_twelve_instances_and_runs_the_job_once() -> None:
    service = cloud()
    post(service, "instances", region="fjord", size="large", count=12)
    assert post(service, "instances", region="heron", size="small", count=1).status == 429
    assert post(service, "job").status == 200
    assert post(service, "job").value["error"]["code"] == "job_is_done"


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b"[" * 4000, b"{" + b" " * 5000])
def test_hostile_bytes_are_refused_and_never_raise(body: bytes) -> None:
    reply = cloud().handle(ServiceRequest("POST", "job", body), lambda kind, data: None)
    assert reply.status in (400, 413)


@pytest.mark.parametrize(
    "data", [None, b"", b"[]", b"[" * 4000, b'{"receipt": "A"}', b'{"receipt": 1}', b" " * 5000]
)
def test_a_file_of_another_form_claims_no_receipt(data: bytes | None) -> None:
    assert receipt_in(data) is None


class Notes:
    """A bench that no box is asked of."""

    def __init__(self) -> None:
        self.events: Events = []

    def box(self, *_: object) -> Any:
        raise AssertionError("this grader runs nothing")

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        self.events.append((kind, data))


def graded(service: CloudService, receipt: str | None) -> tuple[Grade, list[str]]:
    files = {} if receipt is None else {"receipt.json": json.dumps({"receipt": receipt}).encode()}
    submission, bench = Submission(Collection(files), Collection({}), (), ()), Notes()
    result = asyncio.run(grade(Hidden(service, 300.0, 350.0), submission, bench))
    return result, [kind for kind, _ in bench.events]


def test_the_score_is_the_worth_less_the_cost_if_the_receipt_is_delivered() -> None:
    service = cloud()
    post(service, "instances", region="fjord", size="large", count=2)
    receipt = post(service, "job").value["receipt"]
    post(service, "release")
    assert graded(service, receipt) == (Grade(300.0, 0.0, 300.0, bound=350.0), ["grade.books"])
    assert graded(service, None)[0].y == -100.0
    assert graded(service, "0" * 64)[1] == ["grade.forged", "grade.books"]


def test_a_job_that_is_late_is_worth_nothing() -> None:
    service = cloud()
    post(service, "instances", region="heron", size="small", count=1)
    receipt = post(service, "job").value["receipt"]
    post(service, "release")
    assert graded(service, receipt)[0].y == -80.0


def hidden(index: int) -> Hidden:
    seed = hashlib.sha256(f"world {index}".encode()).digest()
    return load_task("replication/cloud").draw(seed, "L0", "plain").hidden  # type: ignore[no-any-return]


def test_an_honest_plan_never_reaches_the_bound() -> None:
    for index in range(WORLDS):
        world = hidden(index)
        assert 0 < world.reference <= world.bound


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_hiring_blindly_wherever_there_is_room_scores_below_one_half(size: str) -> None:
    for count in (2, 4, 6):
        scores = []
        for index in range(WORLDS):
            world = hidden(index)
            service = world.cloud
            for region in REGIONS:
                key = next(key for key, team in service.keys.items() if team == service.team)
                if post(service, "instances", key=key, region=region, size=size, count=count).status == 200:
                    break
            post(service, "job", key=key)
            post(service, "release", key=key)
            books = service.statement()
            in_time = books.done is not None and books.done <= service.job.deadline
            scores.append((service.job.value * in_time - books.cost) / world.reference)
        assert sum(scores) / WORLDS < 0.5
