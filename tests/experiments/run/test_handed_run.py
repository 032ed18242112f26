"""A scaffold that one run's agent edited is what the next run's agent begins with."""

import json
from pathlib import Path

import pytest

from experiments.attempts.executors import LocalExecutor
from experiments.reading.verify import verify
from experiments.record.ledger import read_records
from experiments.record.records import LedgerLine
from experiments.results.lineage import lineage
from experiments.running.running import Request, run
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes

NOTE = "- Measure before you submit."
TURNS = {
    "edits": [f"```bash\necho '{NOTE}' >> /agent/memory/notes.md\n```", "```bash\nsubmit\n```"],
    "looks": ["```bash\ncp /agent/memory/notes.md /work/notes.md\n```", "```bash\nsubmit\n```"],
}


@pytest.mark.box
def test_a_run_begins_with_what_an_episode_of_another_ended_with(
    tmp_path: Path, secret: object, engine: Engine, image: str
) -> None:
    def once(name: str, *overrides: str) -> tuple[LedgerLine, Path]:
        (tmp_path / f"{name}.yaml").write_text(json.dumps({"turns": TURNS[name]}))
        family = {"family": name, "provider": "scripted", "script": f"{name}.yaml", "checkpoints": [0]}
        document = {
            "suite": "generations", "models": [family], "tasks": ["ml/tab@L0"], "policy": "quickstart",
            "tracking": {"uri": "nothing://there"},
        }  # fmt: skip
        config = tmp_path / f"{name}.json"
        config.write_text(json.dumps(document))
        request = Request(config, overrides, tmp_path / "runs", local=True, limit=None)
        boxes = DockerBoxes(engine, image=image, runtime="runc")
        directory = run(request, lambda text: None, LocalExecutor(1, boxes)).view.directory
        (line,) = read_records(directory / "ledger.jsonl", LedgerLine)
        return line, directory

    parent, first = once("edits")
    assert parent.scaffold.start != parent.scaffold.end
    child, second = once("looks", f"scaffold.from={parent.episode}")
    assert second != first, "another scaffold is another run"
    assert (child.scaffold.start, child.scaffold.end) == (parent.scaffold.end, parent.scaffold.end)
    index = json.loads(next(second.glob("episodes/*/0/artefacts/index.json")).read_bytes())
    (notes,) = (digest for root, path, _, digest in index if (root, path) == ("work", "notes.md"))
    assert NOTE in (second / "blobs" / notes).read_text()
    assert [verify(directory, None).problems for directory in (first, second)] == [(), ()]
    grown = lineage(first, second).as_json()
    (edge,) = grown["edges"]
    assert (edge["child"], grown["depth"]) == (child.scaffold.start, 1)
