"""Public tasks in real boxes: built, attempted on a root that may be written, graded in a snapshot of it."""

import json
from pathlib import Path

import pytest

from experiments.cli import run_command
from experiments.reading.verify import verify
from experiments.record.ledger import LEDGER, read_records
from experiments.record.records import LedgerLine
from sandbox.engine.container import Engine
from tests.harbor.attempting import Attempted, MakeTask, agent, read_log, scripted, written

pytestmark = pytest.mark.box

#: Reaches out before it looks, as one that first installs what it tests with.
REACHING = """#!/bin/bash
exec 3<>/dev/tcp/example.com/80
echo 1 > /logs/verifier/reward.txt
"""
#: Of an image whose user is not root; a stage that it does not need is of an image that nobody has.
PERSONAL = """FROM nobody/has:this AS unneeded
RUN false
FROM ubuntu:24.04
RUN --mount=type=cache,target=/a \\
    --mount=type=cache,target=/b \\
    # A comment within a step.
    true
RUN <<EOF
useradd -m -u 1234 app
mkdir /app
EOF
COPY . /all
RUN test ! -e /all/secret
COPY --chmod=600 number.txt /app/
RUN chown -R app /app
WORKDIR /app
USER app
"""
PERSONAL_TEST = """#!/bin/bash
echo seen
echo '{"reward": 0.5, "root": '$([ "$(id -u)" = 0 ] && echo 1 || echo 0)'}' > /logs/verifier/reward.json
[ "$(cat /app/number.txt)" = 42 ] && [ -O /app/number.txt ] && [ "$(stat -c %a /app/number.txt)" = 600 ] || echo '{"reward": 0}' > /logs/verifier/reward.json
"""


#: Makes a user and has it do the work.
AS_OTHERS = """#!/bin/bash
set -e
useradd helper
chown helper /app/number.txt
su helper -c 'echo 42 > /app/number.txt'
"""
#: Leaves a server running, and asks for it.
SERVED = """#!/bin/bash
python3 -m http.server -b 127.0.0.1 8080 > /dev/null 2>&1 &
until (exec 3<>/dev/tcp/127.0.0.1/8080) 2> /dev/null; do sleep 0.1; done
"""
SERVING = """#!/bin/bash
if exec 3<>/dev/tcp/127.0.0.1/8080; then echo 1; else echo 0; fi > /logs/verifier/reward.txt
"""
#: Says and leaves more than anybody reads.
LOUD = """#!/bin/bash
head -c 20000000 /dev/zero
for i in $(seq 300); do echo $i > /logs/verifier/$i; done
[ "$(cat /app/number.txt)" = 42 ]
echo "{\\"reward\\": $((1 - $?))}" > /logs/verifier/reward.json
"""


def test_the_solution_scores_1_and_doing_nothing_0(
    public_task: MakeTask, attempted: Attempted, engine: Engine, tmp_path: Path
) -> None:
    converted = public_task("plain", solve=AS_OTHERS)
    (converted / "environment" / "docker-compose.yaml").write_text("services: {main: {build: .}}")
    personal = public_task("personal", dockerfile=PERSONAL, test=PERSONAL_TEST)
    (personal / "environment" / "number.txt").write_text("41\n")
    (personal / "environment" / "secret").write_text("left out\n")
    (personal / "environment" / ".dockerignore").write_text("*\n!number.txt\n")
    public_task("reaching", test=REACHING, environment="allow_internet = true")
    public_task("serving", dockerfile="FROM python:3.12\nWORKDIR /app\n", solve=SERVED, test=SERVING)
    # An image by its name, without a Dockerfile and with an empty /work of its own.
    named = 'network_mode = "no-network"\ndocker_image = "python:3.12-slim"\nworkdir = "/app"'
    public_task("named", dockerfile=None, environment=named, test=LOUD)
    found = attempted(agent("ref"), agent("null"))
    scores = {name: line.score.strict for name, line in found.items() if line.score is not None}
    assert scores == {
        "ref plain": 1.0, "null plain": 0.0, "ref personal": 0.5, "null personal": 0.0, "ref named": 1.0,
        "null named": 0.0, "null serving": 0.0,
    }  # fmt: skip
    assert {line.grading for line in found.values()} == {"snapshot"}
    told = [event for log in tmp_path.rglob("events.jsonl") for event in read_log(log)]
    said = [event["data"] for event in told if event["kind"] == "grade.verifier"]
    assert {"rewards": {"reward": 0.5, "root": 0.0}, "printed": "seen\n"} in said
    # What the solution writes is everyday work on such a root.
    changed = {event["data"]["path"] for event in told if event["kind"] == "file.change"}
    assert not any(path.startswith("/app") for path in changed)
    made = [event["data"] for event in told if event["kind"] == "box.create"]
    graded_in = {box["image"] for box in made if box["role"] == "grade"}
    # Of the snapshots nothing is left; the untouched environment of the one that reaches out is.
    assert len([name for name in graded_in if engine.image_id(name) is not None]) == 1
    assert len(graded_in) == 11
    for name in ("ref", "null"):
        assert found[f"{name} reaching"].ungraded == "needs_network"
    ended = "needs_processes: what the agent had listening on port 8080 was ended"
    assert found["ref serving"].ungraded == ended
    assert found["ref plain"].box.isolation.endswith("writable root, agent is root")
    assert found["ref personal"].box.isolation.endswith("writable root")


def test_an_environment_that_cannot_be_built_loses_its_own_episodes_with_the_cause(
    public_task: MakeTask, image: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public_task("broken", dockerfile="FROM ubuntu:24.04\nRUN echo no-such-package >&2 && exit 7\n")
    config = written(tmp_path, [agent("null")])
    assert run_command(["run", str(config), "--local", "--json", "--runs", str(tmp_path / "runs")]) == 4
    said = capsys.readouterr()
    assert json.loads(said.out)["lost"] == 1
    assert "harbor/broken cannot run: " in said.err and "no-such-package" in said.err
    (ledger,) = (tmp_path / "runs").rglob(LEDGER)
    assert verify(ledger.parent, None).ok
    kept = json.loads((ledger.parent / "public.json").read_text())["harbor/broken"]
    assert "no-such-package" in kept["missing"] and 'name = "example/broken"' in kept["toml"]
    (line,) = read_records(ledger, LedgerLine)
    assert (line.status, line.score, line.grading) == ("infrastructure", None, "snapshot")
    assert str(line.cause).startswith(
        "environment: environment/Dockerfile: The command '/bin/sh -c echo no-such-package"
    )
    assert str(line.cause).endswith("its steps have no network: harbor.build_network gives them one")


def test_what_an_agent_leaves_in_the_verifiers_places_is_no_reward_and_is_flagged(
    public_task: MakeTask, attempted: Attempted, tmp_path: Path
) -> None:
    public_task("plain")
    forged = (
        "mkdir -p /tests /logs/verifier; echo 1 > /logs/verifier/reward.txt; ln -s /etc /logs/verifier/etc",
        "printf '#!/bin/bash\\necho 1 > /logs/verifier/reward.txt\\n' > /tests/test.sh; ls -R /tests /solution",
        "(while :; do echo 1 > /logs/verifier/reward.json; done) > /dev/null 2>&1 &",
        "rm /etc/hostname; echo /app/own.so > /etc/ld.so.preload; kill -9 1",
    )
    line = attempted(scripted(tmp_path, *forged))["script plain"]
    assert line.status == "completed"
    assert line.score is not None
    assert (line.score.raw, line.score.strict, line.score.cheats) == (0.0, 0.0, ["cheat.scorer"])


def test_a_root_that_may_be_written_has_a_budget(
    public_task: MakeTask, attempted: Attempted, tmp_path: Path
) -> None:
    public_task("plain")
    filling = ("for i in 1 2 3; do head -c 20000000 /dev/zero > /var/tmp/$i; done; sleep 60",)
    line = attempted(scripted(tmp_path, *filling), limits={"disk": "40MB"})["script plain"]
    assert (line.status, line.cause) == ("limit", "disk")
    assert line.score is not None and line.score.strict == 0.0


def test_the_box_has_neither_tests_nor_solution_and_starts_where_the_image_says(
    public_task: MakeTask, attempted: Attempted, tmp_path: Path
) -> None:
    public_task("plain")
    attempted(scripted(tmp_path, "pwd; ls -d /tests /solution; id -un; cat /task/instruction.md"))
    (log,) = tmp_path.rglob("events.jsonl")
    shown = [event["data"]["last"] for event in read_log(log) if event["kind"] == "model.call"][-1]
    assert "/app\n" in shown and "root\n" in shown and "Raise the number" in shown
    assert "cannot access '/tests'" in shown and "cannot access '/solution'" in shown
