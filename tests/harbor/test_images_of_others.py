"""What an image of somebody else's asks of the engine besides its files is refused or never done."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.box import BoxRequest
from sandbox.container import Engine
from sandbox.ground import Ground
from sandbox.limits import Limits
from sandbox.tools import require_tools
from tasks.harbor.environment import Builder, Offline
from tasks.harbor.form import read_form

pytestmark = pytest.mark.box

Built = Callable[[str], Ground]


@pytest.fixture
def built(engine: Engine, image: str, public_task: Callable[..., Path]) -> Built:
    """The ground of a task whose Dockerfile is given."""

    def build(dockerfile: str) -> Ground:
        task = public_task("asking", dockerfile=dockerfile)
        builder = Builder(engine, require_tools(engine), Offline(substitute={"ubuntu:*": "base"}), print)
        return builder.ground(task, read_form(task / "task.toml"))

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
