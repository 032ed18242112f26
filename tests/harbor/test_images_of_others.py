"""What an image of somebody else's asks of the engine besides its files is refused or never done."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.box import BoxRequest
from sandbox.engine.container import Engine
from sandbox.engine.tools import require_tools
from sandbox.ground import Ground
from sandbox.limits import Limits
from tasks.harbor.environment import Builder, Offline
from tasks.harbor.form import read_form

pytestmark = pytest.mark.box

Built = Callable[..., Ground]


@pytest.fixture
def built(engine: Engine, image: str, public_task: Callable[..., Path]) -> Built:
    """The ground of a task whose Dockerfile is given, with changes of its form."""

    def build(dockerfile: str, **changes: Any) -> Ground:
        task = public_task("asking", dockerfile=dockerfile)
        builder = Builder(engine, require_tools(engine), Offline(substitute={"ubuntu:*": "base"}), print)
        return builder.grounds(task, replace(read_form(task / "task.toml"), **changes))[0]

    return build


def test_an_image_that_keeps_files_in_volumes_is_missing_with_the_cause(built: Built) -> None:
    said = "the image keeps /data, /kept in volumes, which no snapshot of a box holds"
    assert built("FROM ubuntu:24.04\nVOLUME /kept /data\n").missing == said


def test_a_health_check_of_the_image_never_runs(built: Built, engine: Engine, tmp_path: Path) -> None:
    """The engine would start it with the runner's rights, from files that the agent may write."""
    ground = built("FROM ubuntu:24.04\nWORKDIR /app\nHEALTHCHECK CMD /app/check\n")
    assert ground.missing is None
    asked = BoxRequest(
        f"tidegauge-check-{tmp_path.name}",
        Limits(),
        False,
        {"owner": "check", "episode": "check"},
        ground=ground,
    )
    made = engine.create(asked, image=ground.image, runtime="runc", control=tmp_path, door=None)
    try:
        assert engine.images.config(ground.image)["Healthcheck"]["Test"] == ["CMD-SHELL", "/app/check"]
        assert engine.inspect(made)["Config"]["Healthcheck"] == {"Test": ["NONE"]}
    finally:
        engine.remove(made)


@pytest.mark.parametrize("directory", ["/task", "/agent/sub"])
def test_a_task_that_works_where_a_box_has_its_own_files_is_missing_with_the_cause(
    built: Built, directory: str
) -> None:
    said = f"the task works in {directory}, where a box lays out its own files"
    assert built("FROM ubuntu:24.04\n", directory=directory).missing == said


def test_what_the_image_would_start_is_said(built: Built, capsys: pytest.CaptureFixture[str]) -> None:
    assert built('FROM ubuntu:24.04\nENTRYPOINT ["/start.sh", "now"]\nCMD ["sleep"]\n').missing is None
    assert "asking: ENTRYPOINT /start.sh now of its image is not started here" in capsys.readouterr().out


def test_a_health_check_of_the_task_runs_once_before_the_agent_and_one_that_fails_is_the_cause(
    built: Built, engine: Engine
) -> None:
    dockerfile = "FROM ubuntu:24.04\nRUN mkdir /app && chown 1000 /app\nWORKDIR /app\nUSER 1000\n"
    command = 'echo "$LEVEL" > "$(id -u)"\ntest -s 1000'
    ground = built(dockerfile, check=command, environment={"LEVEL": "it's 3"})
    assert ground.missing is None
    with engine.images.opened(ground.image) as looked:
        assert engine.images.text(looked, "/app/1000") == "it's 3\n"
    missing = str(built(dockerfile, check="echo no server >&2; exit 7").missing)
    assert missing.startswith(
        "task.toml: environment.healthcheck.command: The command '/bin/bash -c echo no server"
    )
    assert missing.endswith(" | no server); nothing that the image would start runs here")


def test_a_step_that_failed_on_a_stand_in_says_what_stood_in(built: Built) -> None:
    missing = str(built("FROM ubuntu:24.04\nRUN no-such-command\n").missing)
    assert "returned a non-zero code: 127 (its last lines: " in missing
    assert missing.endswith("no-such-command: not found); tidegauge/base:bookworm stands in for ubuntu:24.04")


def test_newer_words_of_a_dockerfile_hold_here(built: Built) -> None:
    """What an image is copied from stands in as what it starts from does, and a step may ask which machine it is on."""
    dockerfile = """FROM --platform=$BUILDPLATFORM docker.io/library/ubuntu
ARG TARGETARCH
RUN test -n "$TARGETARCH"
COPY --from=ubuntu:24.04 /etc/debian_version /app/
USER 1000:staff
"""
    ground = built(dockerfile)
    assert (ground.missing, ground.user, ground.group) == (None, 1000, 50)


def test_a_user_that_the_verifier_lacks_is_missing_with_the_cause(built: Built) -> None:
    found = built("FROM ubuntu:24.04\n", verifier_user="tester")
    assert found.missing == "task.toml: verifier.user: the image has no user 'tester'"
    assert built("FROM ubuntu:24.04\nUSER app\n").missing == "the image's USER: the image has no user 'app'"
