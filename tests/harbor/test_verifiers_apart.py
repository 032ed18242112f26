"""Verifiers with an environment of their own: what they are handed of the agent's box, and what never reaches them."""

from pathlib import Path

import pytest

from experiments.record.records import LedgerLine
from tasks.harbor.apart import Artefact
from tests.harbor.attempting import Attempted, MakeTask, agent, read_log, scripted

#: Holds its tests, and an answer that no agent's box has.
BUNDLED = "FROM ubuntu:24.04\nCOPY . /tests\nRUN echo 42 > /answer\nWORKDIR /var\n"
COMPARED = """#!/bin/bash
[ -x /app/number.txt ] && exit 1
[ -e /left ] || [ -e /logs/artifacts/link ] && exit 1
[ "$PWD $LEVEL" = "/var 3" ] && cmp /app/number.txt /answer
echo $((1 - $?)) > /logs/verifier/reward.txt
cat /logs/artifacts/said
"""
BUNDLES = """
[verifier.env]
LEVEL = "3"
[verifier.environment]
network_mode = "no-network"
memory_mb = 4096
"""
#: Laid out in the environment that the agent's box began with.
ANEW = """#!/bin/bash
[ "$(cat /app/number.txt)" = 41 ] && [ "$(ls -A /app/out)" = "kept" ] && /app/out/kept
echo $((1 - $?)) > /logs/verifier/reward.txt
"""


def with_artifacts(task: Path, artifacts: str) -> Path:
    toml = task / "task.toml"
    toml.write_text(toml.read_text().replace("artifacts = []", f"artifacts = {artifacts}"))
    return task


def raw(line: LedgerLine) -> float | None:
    assert line.score is not None
    return line.score.raw


@pytest.mark.box
def test_a_verifier_apart_meets_the_artefacts_and_nothing_else_of_the_agents_box(
    public_task: MakeTask, attempted: Attempted, tmp_path: Path
) -> None:
    solve = "#!/bin/bash\necho 42 > number.txt\necho done > /logs/artifacts/said\nln -s said /logs/artifacts/link\ntouch /left\n"
    bundled = with_artifacts(
        public_task("bundled", solve=solve, test=COMPARED, more=BUNDLES), '["/app/number.txt"]'
    )
    (bundled / "tests" / "Dockerfile").write_text(BUNDLED)
    found = attempted(agent("ref"), agent("null"))
    assert {name: raw(line) for name, line in found.items()} == {"ref bundled": 1.0, "null bundled": 0.0}
    assert {line.grading for line in found.values()} == {"snapshot"}
    told = [event for log in tmp_path.rglob("events.jsonl") for event in read_log(log)]
    said = [event["data"] for event in told if event["kind"] == "grade.verifier"]
    assert {"rewards": {"reward": 1.0}, "printed": "done\n"} in said


@pytest.mark.box
def test_without_an_image_of_its_own_it_begins_as_the_agents_box_did(
    public_task: MakeTask, attempted: Attempted, tmp_path: Path
) -> None:
    task = public_task(
        "anew",
        test=ANEW,
        dockerfile="FROM ubuntu:24.04\nWORKDIR /app\nRUN echo 41 > number.txt; mkdir out; touch out/old\n",
    )
    with_artifacts(task, '[{source = "/app/out", exclude = ["*.log", "old"]}]')
    toml = task / "task.toml"
    toml.write_text(toml.read_text().replace("[verifier]", '[verifier]\nenvironment_mode = "separate"'))
    forged = (
        "echo 42 > number.txt; printf '#!/bin/sh\\n' > out/kept; chmod +x out/kept; touch out/a.log",
        "echo 1 > /logs/verifier/reward.txt; echo /app/own.so > /etc/ld.so.preload",
    )
    line = attempted(scripted(tmp_path, *forged))["script anew"]
    assert line.score is not None
    assert (line.score.raw, line.score.strict, line.score.cheats) == (1.0, 0.0, ["cheat.scorer"])
    too_much = attempted(scripted(tmp_path, "head -c 70000000 /dev/zero > out/big"), repeats=2)["script anew"]
    assert too_much.score is not None
    assert (too_much.score.raw, too_much.score.invalid) == (
        None, "/app/out is not handed to the verifier: 'big': too large"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "left_out"),
    [("a.log", True), ("deep/a.log", True), (".git/config", True), ("out/.git", True), ("sub/dir/x", True),
     ("a.logs", False), ("git", False), ("sub/x", False)],
)  # fmt: skip
def test_a_pattern_leaves_out_paths_and_parts_of_paths(path: str, left_out: bool) -> None:
    assert Artefact("/app", ("*.log", "./.git", "sub/dir")).leaves_out(path) is left_out
