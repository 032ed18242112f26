"""The whole self-test on this machine, and how its results compare with stored ones."""

import asyncio
from collections.abc import Sequence

import pytest

from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.errors import BoxDied
from sandbox.selftest.behaviour.bounds import BEHAVIOURS, try_bounds
from sandbox.selftest.checks import Check, baseline, checks_of, holds, regressions, tried
from sandbox.selftest.whole import confirmed, self_test


@pytest.mark.box
def test_on_this_machine_no_check_fails_and_nothing_is_left(engine: Engine, image: str) -> None:
    said: list[str] = []
    report = asyncio.run(self_test(engine, DockerBoxes(engine, image=image), said.append))
    names = [check.name for check in report.checks]
    assert [check for check in report.checks if check.result == "failed"] == []
    assert report.regressed == []
    assert len(names) == len(set(names)) >= 100
    assert set(names) == set(baseline("runc"))
    if engine.version()["userns"] == "host":
        remedies = {check.name: check.detail for check in report.checks if check.result == "accepted"}
        assert "userns-remap" in remedies["identity.uid_map"]
        assert "userns-remap" in remedies["reads.host_paths"]
    assert [
        labels for labels in engine.owned().values() if labels["owner"].startswith(f"selftest-{_own()}")
    ] == []
    assert len(said) >= 4


def _own() -> str:
    from sandbox.sockets import own_directory

    return own_directory().name


def checks(**results: str) -> list[Check]:
    return [Check(name, result, "why") for name, result in results.items()]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "worse"),
    [
        ({"a": "held", "b": "accepted"}, []),
        ({"a": "untestable", "b": "held"}, []),
        ({"a": "failed", "b": "accepted"}, ["a: failed, held before: why"]),
        ({"a": "accepted", "b": "accepted"}, ["a: accepted, held before: why"]),
        ({"a": "held"}, ["b: was not tried"]),
        ({"a": "held", "b": "accepted", "c": "failed"}, ["c: failed, not in the baseline before: why"]),
    ],
)
def test_what_is_worse_than_the_baseline_is_named(found: dict[str, str], worse: Sequence[str]) -> None:
    assert regressions(checks(**found), {"a": "held", "b": "accepted"}) == worse


def test_a_check_that_breaks_has_failed_and_one_that_may_not_look_is_untestable() -> None:
    def forbidden() -> tuple[str, str]:
        raise PermissionError(13, "Permission denied")

    assert tried("a.b", "", lambda: holds(1 // 0 == 0, "")).result == "failed"
    assert tried("a.b", "", forbidden) == Check(  # type: ignore[arg-type]
        "a.b", "untestable", "the host refused to look: [Errno 13] Permission denied"
    )


@pytest.mark.parametrize(
    ("second", "result", "detail"),
    [("failed", "failed", "late again"), ("held", "held", "late again; at the first try: late")],
)
def test_what_failed_once_is_tried_once_more(second: str, result: str, detail: str) -> None:
    parts = [[Check("a.a", "held", ""), Check("a.b", "failed", "late")]]
    parts += [[Check("a.a", "failed", "no matter"), Check("a.b", second, "late again")]]  # type: ignore[arg-type]

    async def part() -> list[Check]:
        return parts.pop(0)

    assert asyncio.run(confirmed(part)) == [Check("a.a", "held", ""), Check("a.b", result, detail)]  # type: ignore[arg-type]


def test_a_box_that_does_not_survive_fails_every_behaviour() -> None:
    class Dead:
        def usage(self) -> None:
            raise BoxDied("gone")

        async def run(self, *_: object, **__: object) -> None:
            raise BoxDied("gone")

    found = asyncio.run(try_bounds(Dead()))  # type: ignore[arg-type]
    assert {check.result for check in found} == {"failed"}
    assert len(found) == len(BEHAVIOURS) == 10


@pytest.mark.parametrize(
    "document", [{}, {"checks": [{"name": "a"}]}, {"checks": [{"name": "a", "result": "fine", "detail": ""}]}]
)
def test_a_stored_document_of_another_form_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"self-test|known result"):
        checks_of(document)
