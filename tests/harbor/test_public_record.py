"""What a run keeps of its public tasks is what it anchored, whatever became of the file."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from experiments.planning import public
from experiments.planning.loading import load_config
from experiments.planning.plan import Plan, make_plan
from experiments.record.anchors import Anchors
from experiments.record.identity import Secret
from experiments.record.rundir import PUBLIC
from sandbox.ground import Ground

CONFIG = """
suite: public
profile: harbor
tasks: [public]
models: [{family: f, provider: scripted, agent: "null"}]
"""


def looked_at(plan: Plan, *names: str) -> Plan:
    """The plan as it is once the environments of these tasks were looked for."""
    ground = Ground("sha256:1", "tools", 0, 0, "/", ())
    return replace(plan, public={**plan.public, **{n: replace(plan.public[n], ground=ground) for n in names}})


def test_an_edit_of_the_record_does_not_outlive_the_next_run(
    public_task: Callable[..., Path], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        public_task(name)
    (tmp_path / "c.yaml").write_text(CONFIG)
    plan = make_plan(load_config(tmp_path / "c.yaml"), Secret(b"16 bytes at least", tmp_path), where="c.yaml")
    anchors = Anchors(tmp_path, b"k" * 32, tmp_path / "head.json")
    file = tmp_path / PUBLIC
    public.store(tmp_path, looked_at(plan, "harbor/one"), anchors)
    file.write_text(file.read_text().replace("sha256:1", "sha256:2"))
    public.store(tmp_path, looked_at(plan, "harbor/two"), anchors)
    assert {name: kept["image"] for name, kept in json.loads(file.read_text()).items()} == {
        "harbor/one": "sha256:1", "harbor/two": "sha256:1",
    }  # fmt: skip
    assert len(anchors.texts("public")) == 2
