"""JSON Schemas of a run's files and of a policy: ``python -m experiments.reading.record_schemas`` writes them again.

They are generated from the records, the forms and the event vocabulary, and kept in ``experiments/schemas/``,
so that another program, or an editor, can check a file without importing ours.
"""

import json
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from experiments.planning.policy import Policy
from experiments.planning.public import PublicTask
from experiments.record import anchors, rundir
from experiments.record.records import LedgerLine, PlanLine, Record
from experiments.record.resources import Resources
from sandbox.files import TYPES
from sandbox.kind import Kind
from sandbox.vocabulary import KINDS

DIRECTORY: Final = Path(__file__).parents[1] / "schemas"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DIGEST: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_NUMBER: Final = {"type": "integer", "minimum": 0}


def schemas() -> dict[str, dict[str, Any]]:
    """File name to JSON Schema (draft 2020-12) of that file, or of one line of it."""
    return {
        "experiment.schema.json": _experiment(),
        "plan.schema.json": _record(PlanLine, "one line of plan.jsonl"),
        "ledger.schema.json": _record(LedgerLine, "one line of ledger.jsonl"),
        "resources.schema.json": _record(Resources, "resources.json of an attempt"),
        "public.schema.json": {
            "$schema": _DIALECT, **TypeAdapter(dict[str, PublicTask]).json_schema(), "title": "public.json, by task",
        },
        "anchor.schema.json": _anchor(),
        "event.schema.json": _event(),
        "scaffold.schema.json": _scaffold(),
        "policy.schema.json": {"$schema": _DIALECT, **Policy.model_json_schema(), "title": "a policy file"},
    }  # fmt: skip


def text(schema: dict[str, Any]) -> str:
    """The stored form of a schema."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    """Writes every schema to its file."""
    DIRECTORY.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (DIRECTORY / name).write_text(text(schema), encoding="utf-8")


def _record(record: type[Record], title: str) -> dict[str, Any]:
    return {"$schema": _DIALECT, **record.model_json_schema(mode="serialization"), "title": title}


def _experiment() -> dict[str, Any]:
    schema = TypeAdapter(rundir.Experiment).json_schema(mode="serialization")
    schema["properties"] = {"format": {"const": rundir.FORMAT}, **schema["properties"]}
    schema["required"] = ["format", *schema["required"]]
    return {"$schema": _DIALECT, **schema, "title": "experiment.yaml"}


def _exactly(title: str, properties: dict[str, Any]) -> dict[str, Any]:
    """An object with these keys and no other, all of them there."""
    return {
        "$schema": _DIALECT,
        "title": title,
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _anchor() -> dict[str, Any]:
    return _exactly("one line of anchors.jsonl", {
        "seq": _NUMBER,
        "at": {"type": "integer", "description": "Unix seconds"},
        "kind": {"enum": list(anchors.KINDS)},
        "text": {"type": "string", "description": "the anchored line, without its newline"},
        "prev": _DIGEST,
        "hash": {**_DIGEST, "description": "SHA-256 of the canonical JSON of the fields above"},
        "mac": {**_DIGEST, "description": "HMAC-SHA-256 of hash under the run's key"},
    })  # fmt: skip


def _event() -> dict[str, Any]:
    form = _exactly("one line of events.jsonl", {
        "seq": _NUMBER,
        "t": {"type": "integer", "description": "microseconds since the attempt began"},
        "source": {"type": "string"},
        "kind": {"type": "string"},
        "data": {"type": "object"},
        "prev": _DIGEST,
        "hash": {**_DIGEST, "description": "SHA-256 of the canonical JSON of the fields above"},
    })  # fmt: skip
    return {**form, "oneOf": [_kind(name, kind) for name, kind in KINDS.items()]}


def _scaffold() -> dict[str, Any]:
    entry = {
        "type": "array",
        "description": "path, type, mode, size, digest or link target",
        "prefixItems": [{}, {"enum": list(TYPES)}, _NUMBER, _NUMBER, {"type": ["string", "object", "null"]}],
        "minItems": 5,
        "maxItems": 5,
    }
    return _exactly("one line of scaffold.jsonl", {
        "id": _DIGEST,
        "at": {"enum": ["start", "call", "restart", "end"]},
        "turn": {**_NUMBER, "description": "model calls so far"},
        "files": {"type": "array", "items": entry},
    })  # fmt: skip


def _kind(name: str, kind: Kind) -> dict[str, Any]:
    return {
        "description": kind.means,
        "properties": {
            "kind": {"const": name},
            "source": {"enum": list(kind.sources)},
            "data": {"properties": {field: {"description": means} for field, means in kind.data.items()}},
        },
    }


if __name__ == "__main__":
    write()
