"""The committed JSON Schemas are current, and tell good lines from bad ones."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from experiments.planning.policy import shipped
from experiments.reading.record_schemas import DIRECTORY, schemas, text
from experiments.record.anchors import Anchor
from experiments.record.records import LedgerLine, PlanLine
from experiments.record.rundir import Experiment
from sandbox.event_log import EventLog
from sandbox.events import GENESIS
from sandbox.files import FileSpec, manifest_of

CHECKPOINT = {"family": "pocket", "name": "300", "step": 300}
PLAN: dict[str, Any] = {
    "episode": "e" * 64, "checkpoint": CHECKPOINT, "checkpoint_digest": "c" * 64, "provider": "pocket",
    "sampling": {"temperature": 0.7}, "task": "ml/tab", "level": "L0", "version": "1.0", "arm": "plain",
    "world": 0, "world_digest": "d" * 64, "limits": {"wall": 60.0}, "scaffold": "f" * 64,
}  # fmt: skip
FINDING = {"code": "cheat.scorer", "severity": 2, "t": 31_022_417, "evidence": [55], "note": "forged"}
LEDGER: dict[str, Any] = {
    "episode": "e" * 64, "attempt": 0, "checkpoint": CHECKPOINT, "task": "ml/tab", "level": "L0",
    "arm": "plain", "world": 0, "status": "completed", "cause": None, "refused": False,
    "score": {"raw": 0.41, "strict": 0.0, "lenient": 0.41, "cheats": ["cheat.scorer"]},
    "ungraded": None, "grading": "world",
    "usage": {
        "cpu_s": 2.5, "wall_s": 9.0, "memory_peak": None, "turns": 4, "tokens_in": 900, "tokens_out": 80,
        "commands": 3, "processes_peak": 4, "bytes_written": None,
    },
    "limits": {"wall": 60.0}, "box": {"runtime": "runc", "isolation": "hardened", "image": "sha256:1"},
    "findings": [FINDING], "scaffold": {"start": "f" * 64, "end": None, "versions": 1},
    "sensors": {"cgroup": "up", "runner": "lost"}, "coverage": {"cheat.scorer": 1.0},
    "chain": {"head": "a" * 64, "events": 61},
}  # fmt: skip


def validate(name: str, value: Any) -> None:
    jsonschema.Draft202012Validator(schemas()[name]).validate(value)


def refuse(name: str, value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validate(name, value)


def test_the_committed_schemas_are_the_generated_ones() -> None:
    stored = {path.name: path.read_text(encoding="utf-8") for path in DIRECTORY.glob("*.json")}
    assert stored == {name: text(schema) for name, schema in schemas().items()}


def test_every_schema_is_one() -> None:
    for schema in schemas().values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_what_the_records_write_validates() -> None:
    validate("plan.schema.json", json.loads(PlanLine(**PLAN).model_dump_json()))
    validate("ledger.schema.json", json.loads(LedgerLine(**LEDGER).model_dump_json()))


def test_a_ledger_line_as_the_contract_writes_it_validates_and_further_keys_are_ignored() -> None:
    validate("ledger.schema.json", {**LEDGER, "a later version's": 1})


@pytest.mark.parametrize(
    "change",
    [
        {"status": "lost"},
        {"usage": {**LEDGER["usage"], "turns": "4"}},
        {"findings": [{**FINDING, "evidence": [None]}]},
        {"sensors": {"cgroup": "down"}},
        {"chain": {"head": "a" * 64}},
    ],
)
def test_a_ledger_line_of_another_form_is_refused(change: dict[str, Any]) -> None:
    refuse("ledger.schema.json", {**LEDGER, **change})


def test_a_stored_event_validates_and_a_changed_one_does_not(tmp_path: Path) -> None:
    with EventLog(tmp_path / "events.jsonl") as log:
        log.append("gateway", "limit", {"limit": "turns", "granted": 20, "used": 20})
    event = json.loads((tmp_path / "events.jsonl").read_bytes())
    validate("event.schema.json", event)
    for change in ({"source": "runner"}, {"kind": "unknown"}, {"seq": -1}, {"prev": "0"}, {"more": 1}):
        refuse("event.schema.json", {**event, **change})


def test_an_anchor_validates_and_one_of_an_unknown_kind_does_not() -> None:
    anchor = json.loads(Anchor.next(GENESIS, 0, "ledger", "{}", b"key").line())
    validate("anchor.schema.json", anchor)
    refuse("anchor.schema.json", {**anchor, "kind": "rumour"})
    refuse("anchor.schema.json", {key: value for key, value in anchor.items() if key != "mac"})


def test_every_shipped_policy_validates_and_one_with_a_slip_does_not() -> None:
    for name in shipped():
        document = yaml.safe_load(
            (DIRECTORY.parent / "policies" / f"{name}.yaml").read_text(encoding="utf-8")
        )
        validate("policy.schema.json", document)
        refuse("policy.schema.json", {**document, "level": []})
        refuse("policy.schema.json", {**document, "levels": []})


def test_an_experiment_file_validates_and_one_of_another_format_does_not() -> None:
    experiment = Experiment(
        id="1", run="quickstart-1", suite="quickstart", version=1, hash="1", secret="2", created=0,
        tasks=[["ml/tab", "L0", "1.0", "d" * 64]], scaffold="f" * 64, config={"suite": "quickstart"},
    )  # fmt: skip
    document = yaml.safe_load(experiment.text())
    validate("experiment.schema.json", document)
    refuse("experiment.schema.json", {**document, "format": 2})


def test_a_scaffold_line_validates_and_one_with_a_mode_as_text_does_not() -> None:
    files = manifest_of([FileSpec("prompts/system.md", b"x")]).as_json()
    line = {"id": "a" * 64, "at": "start", "turn": 0, "files": files}
    validate("scaffold.schema.json", line)
    refuse("scaffold.schema.json", {**line, "files": [["a", "file", "0644", 0, None]]})
