"""The self-test as runs use it: kept, required, stored with the worst of what was seen."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from experiments.attempts import containment
from experiments.attempts.ray_selftest import joined
from experiments.cli import run_command
from experiments.planning.policy import Require
from experiments.record.records import BoxRecord
from experiments.verdict.evidence import weigh
from sandbox.engine.container import Engine
from sandbox.errors import Mistake


def document(*regressed: str, **results: str) -> dict[str, Any]:
    checks = [
        {"name": name, "result": result, "detail": "", "meaning": ""} for name, result in results.items()
    ]
    return {"checks": checks, "regressed": list(regressed), "runtime": "runc", "machine": {}, "taken": 1}


def test_a_regression_refuses_the_run_and_names_the_checks() -> None:
    with pytest.raises(
        Mistake, match=r"^c\.yaml: sandbox\.degraded: the containment self-test regressed: a\.b; "
    ) as told:
        containment.require(
            document("a.b: failed, held before: EPERM"), degraded=False, where="c.yaml", say=print
        )
    assert "sandbox: {degraded: true}" in told.value.remedy


def test_a_config_may_accept_it_and_is_told() -> None:
    said: list[str] = []
    containment.require(document("a.b: failed"), degraded=True, where="c.yaml", say=said.append)
    assert said == ["the containment self-test regressed: a.b; the run goes on, marked degraded"]


def test_without_a_regression_nothing_is_said() -> None:
    containment.require(document(a="accepted"), degraded=False, where="c.yaml", say=pytest.fail)


def test_of_two_invocations_the_worse_result_of_each_check_counts() -> None:
    found = containment.worst(
        document("b: failed", a="held", b="failed"), document(a="accepted", b="held", c="held")
    )
    assert {check["name"]: check["result"] for check in found["checks"]} == {
        "a": "accepted",
        "b": "failed",
        "c": "held",
    }
    assert found["regressed"] == ["b: failed"]


def test_of_several_hosts_the_worst_result_decides_and_each_is_named() -> None:
    good, bad = (
        document(a="held", b="held", c="accepted"),
        document("b: failed, held before: EPERM", a="held", b="failed", c="accepted"),
    )
    found = joined(
        {
            "one": {**good, "machine": {"kernel": "6", "cgroup": "1"}, "taken": 9},
            "two": {**bad, "machine": {"kernel": "6", "cgroup": "2"}, "taken": 5},
        }
    )
    assert [(c["name"], c["result"], c["detail"]) for c in found["checks"]] == [
        ("a", "held", ""),
        ("b", "failed", "on two: "),
        ("c", "accepted", ""),
    ]
    assert found["regressed"] == ["b: on two: failed, held before: EPERM"]
    assert (found["machine"], found["taken"], found["runtime"]) == ({"kernel": "6"}, 5, "runc")
    assert found["hosts"]["one"] == {
        "machine": {"kernel": "6", "cgroup": "1"},
        "taken": 9,
        "regressed": [],
        "results": {"a": "held", "b": "held", "c": "accepted"},
    }
    with pytest.raises(Mistake, match="self-test regressed on two: b;"):
        containment.require(found, degraded=False, where="c.yaml", say=print)


def test_a_check_that_only_one_host_tried_names_it() -> None:
    found = joined({"one": document(a="held"), "two": document("a: was not tried", b="held")})
    assert [(c["name"], c["detail"]) for c in found["checks"]] == [("a", "on one: "), ("b", "on two: ")]


def test_hosts_of_an_earlier_invocation_stay_named() -> None:
    before, now = joined({"one": document("a: failed", a="failed")}), joined({"two": document(a="held")})
    found = containment.worst(before, now)
    assert set(found["hosts"]) == {"one", "two"}
    assert found["checks"][0]["result"] == "failed"


def test_what_is_stored_with_a_run_is_anchored_and_stays_bad(tmp_path: Path) -> None:
    from experiments.record.anchors import Anchors

    anchors = Anchors(tmp_path, b"k" * 32, tmp_path / "head.json")
    containment.store(tmp_path, document("a: failed", a="failed"), anchors)
    containment.store(tmp_path, document(a="held"), anchors)
    stored = (tmp_path / "selftest.json").read_text()
    assert json.loads(stored)["regressed"] == ["a: failed"]
    assert anchors.texts("selftest")[-1] == stored


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"checks": [{"name": "a", "result": "fine"}], "regressed": []}']
)
def test_a_runs_self_test_that_somebody_edited_is_a_mistake_with_its_file(tmp_path: Path, text: str) -> None:
    from experiments.record.anchors import Anchors

    (tmp_path / "selftest.json").write_text(text)
    with pytest.raises(Mistake, match=r"selftest\.json: is no self-test's document; `tidegauge verify RUN`"):
        containment.store(tmp_path, document(), Anchors(tmp_path, b"k" * 32, tmp_path / "head.json"))


def test_evidence_that_regressed_is_broken_and_degraded_boxes_bar_clear(run_view: Any) -> None:
    worse = weigh(run_view(selftest=document("a.b: accepted, held before")), Require())
    assert worse.broken == ("the containment self-test failed: a.b",)
    view = run_view(selftest=document(a="held"))
    degraded = [
        line.model_copy(update={"box": BoxRecord(runtime="runc", isolation="container, degraded", image="i")})
        for line in view.lines[:2]
    ]
    found = weigh(run_view(selftest=document(a="held"), lines=[*degraded, *view.lines[2:]]), Require())
    assert found.broken == ()
    assert "2 attempts ran in boxes that the config let be degraded" in found.missing


def test_only_fresh_results_of_the_same_machine_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    place = containment._place({"kernel": "1"}, "runc")
    assert (
        place != containment._place({"kernel": "2"}, "runc") != containment._place({"kernel": "2"}, "runsc")
    )
    for taken, regressed, stands in (
        (0, [], True),
        (90_000, [], False),
        (0, ["a: failed"], False),
        (-9, [], False),
    ):
        containment._keep(place, {**document(a="held"), "taken": time.time() - taken, "regressed": regressed})
        assert (containment._kept(place) is not None) is stands
    for text in (
        "{",
        "[]",
        '{"taken": 1, "checks": [], "regressed": []}',
        '{"checks": [{}], "regressed": []}',
    ):
        place.write_text(text)
        assert containment._kept(place) is None


@pytest.mark.box
def test_the_command_prints_the_checks_and_a_run_takes_what_it_kept(
    engine: Engine,
    image: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert run_command(["selftest", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert len(printed["checks"]) >= 100
    assert {"name", "result", "detail"} <= set(printed["checks"][0])
    assert containment.ensure("episode", "runc", pytest.fail) == printed


@pytest.mark.box
def test_a_self_test_that_does_not_end_is_named(
    engine: Engine, image: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.selftest.inside.SECONDS", 0.01)
    assert run_command(["selftest"]) == 1
    assert "no box could be tried: TimeoutError" in capsys.readouterr().err


@pytest.mark.box
def test_a_box_that_lost_its_filter_regresses_and_no_run_starts_in_it(
    engine: Engine,
    image: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("sandbox.engine.hardening.seccomp_profile", lambda: "unconfined")
    assert run_command(["selftest", "--json"]) == 2
    regressed = {line.partition(":")[0] for line in json.loads(capsys.readouterr().out)["regressed"]}
    assert regressed >= {
        "host.filters",
        "host.security_options",
        "kernel.io_uring",
        "namespaces.clone3",
    }
    assert (
        run_command(["run", "quickstart", "--local", "--limit", "1", "--runs", str(tmp_path / "runs")]) == 1
    )
    assert "the containment self-test regressed: " in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
