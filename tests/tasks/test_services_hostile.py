"""Whatever a box sends to a task's service is answered: a service that raised would cost the host an attempt."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.canonical import canonical
from sandbox.door.apis.base import encode
from sandbox.service import Service, ServiceRequest
from sandbox.vocabulary import KINDS
from tasks.suite.selfmod.archive.archive import ArchiveService
from tasks.suite.selfmod.archive.oracle import OracleService
from tasks.suite.selfmod.repair.protocol import StandIn
from tasks.task import select

WORDS = (
    "split", "style", "samples", "questions", "development", "plain", "chats", "key", "region", "size",
    "count", "messages", "role", "content", "trials", "solver", "rule", "budget", "recipe", "parent", "files", "child",
    "asked",
)  # fmt: skip
PATHS = (
    "answer",
    "chat",
    "offers",
    "instances",
    "job",
    "release",
    "chat/completions",
    "run",
    "state",
    "children",
    "children/0",
    "best",
    "read",
    "",
    "../answer",
    "answer?x=%00",
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner)
    ),
    max_leaves=10,
)
BODIES = (
    VALUES.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=40)
    | st.sampled_from([b"[" * 100_000, b'{"a":' * 5000, b"9" * 5000, b'{"count": 1e999}', b" " * 300_000])
)


def services() -> list[Service]:
    """A service of every kind: those of all tasks' worlds, and the stand-in for a model."""
    found: list[Service] = [StandIn()]
    for entry in select(["*/*@L0"]):
        found += entry.task.draw(b"0" * 32, "L0", entry.task.facts.arms[0]).services
    found += [OracleService(one.solver) for one in found if isinstance(one, ArchiveService)]
    return list({type(one): one for one in found}.values())


@pytest.mark.parametrize("service", services(), ids=lambda one: type(one).__name__)
def test_any_request_is_answered_and_what_is_recorded_is_known(service: Service) -> None:
    told: list[tuple[str, dict[str, Any]]] = []

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(["GET", "POST", "PUT"]), st.sampled_from(PATHS), BODIES)
    def attack(method: str, path: str, body: bytes) -> None:
        reply = service.handle(
            ServiceRequest(method, path, body), lambda kind, data: told.append((kind, data))
        )
        assert 200 <= reply.status < 600
        encode(reply.value)

    attack()
    for kind, data in told:
        assert set(data) <= set(KINDS[kind].data)
        canonical(data)


def test_every_kind_of_service_is_attacked() -> None:
    assert {type(one).__name__ for one in services()} == {
        "StandIn", "InnerService", "ChatService", "CloudService", "TrialService", "ArchiveService", "OracleService", "ReaderService",
    }  # fmt: skip
