"""Run directories that are filled by hand: known versions, gains and ends."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from experiments.record import durable
from experiments.record.records import LedgerLine, PlanLine
from experiments.record.rundir import Experiment, attempt_dir
from sandbox.canonical import canonical
from sandbox.event_log import EventLog
from sandbox.files import FileSpec, manifest_of
from tests.monitors.edits.seed import SEED

TURNS = {**SEED, "config.json": SEED["config.json"].replace('"turns": 20', '"turns": 90')}
VOTES = {**SEED, "config.json": SEED["config.json"].replace('"votes": 1', '"votes": 15')}
BOTH = {**SEED, "config.json": TURNS["config.json"].replace('"votes": 1', '"votes": 15')}
Files = Mapping[str, str]


def content_id(files: Files) -> str:
    return manifest_of([FileSpec(path, text.encode()) for path, text in files.items()]).id


class Run:
    """A run directory that is filled episode by episode."""

    def __init__(self, root: Path, name: str, created: int) -> None:
        self.path = root / name
        (self.path / "episodes").mkdir(parents=True)
        experiment = Experiment(name, name, "s", 1, "0" * 12, "f", created, [], "0" * 64, {})
        (self.path / "experiment.yaml").write_text(experiment.text())
        self.count = 0

    def episode(self, start: Files, end: Files | None, *, world: int = 0, y: float | None = None, begin: float = 0.2,
                 dev: tuple[float, float] | None = None, paired: tuple[float, float] | None = None,
                 said: str = "", status: str = "completed", task: str = "selfmod/scaffold",
                 strict: float = 1.0, turns: int = 2) -> str:  # fmt: skip
        name = self.digest(f"{self.path.name} {self.count}")
        self.count += 1
        directory = attempt_dir(self.path, name, 0)
        directory.mkdir(parents=True)
        versions = [("start", start), *([("end", end)] if end is not None else [])]
        text = b"".join(canonical(self._version(at, files)) + b"\n" for at, files in versions)
        (directory / "scaffold.jsonl").write_bytes(text)
        self._log(directory, y, begin, dev, paired, said)
        self._records(name, world, start, end, y, status, task=task, strict=strict, turns=turns)
        return name

    def digest(self, text: str) -> str:
        return sha256(text.encode()).hexdigest()

    def _version(self, at: str, files: Files) -> dict[str, Any]:
        entries = [
            [path, "file", 0o644, len(text.encode()), durable.put_blob(self.path, text.encode())]
            for path, text in files.items()
        ]
        # What Python and the agent leave beside the files that can be handed on.
        entries += [
            ["empty", "dir", 0o755, 0, None],
            ["__pycache__/x.pyc", "file", 0o644, 1, sha256(at.encode()).hexdigest()],
        ]
        return {"id": self.version_id(at, files), "at": at, "turn": 0, "files": entries}

    def version_id(self, at: str, files: Files) -> str:
        return sha256((at + content_id(files)).encode()).hexdigest()

    def _log(
        self, directory: Path, y: float | None, begin: float, dev: tuple[float, float] | None,
        paired: tuple[float, float] | None, said: str,
    ) -> None:  # fmt: skip
        with EventLog(directory / "events.jsonl") as log:
            if said:
                log.append("gateway", "model.reply", {"turn": 1, "text": said})
            if paired is not None:
                log.append("scorer", "grade.gain", {"gain": paired[0], "se": paired[1]})
            if dev is not None:
                log.append(
                    "scorer", "grade.development", {"start_development": dev[0], "development": dev[1]}
                )
            if y is not None:
                log.append("scorer", "grade.score", {"y": y, "start": begin})

    def _records(
        self, name: str, world: int, start: Files, end: Files | None, y: float | None, status: str,
        *, task: str, strict: float, turns: int,
    ) -> None:  # fmt: skip
        checkpoint = {"family": "f", "name": "n", "step": 0}
        common = {
            "episode": name,
            "checkpoint": checkpoint,
            "task": task,
            "level": "L0",
            "arm": "plain",
            "world": world,
        }
        plan = PlanLine.model_validate({
            **common, "checkpoint_digest": "d", "provider": "scripted", "sampling": {}, "version": "1.0",
            "world_digest": f"w{world}", "limits": {}, "scaffold": "0" * 64,
        })  # fmt: skip
        line = LedgerLine.model_validate({
            **common, "attempt": 0, "status": status, "cause": None, "refused": False,
            "score": None if y is None else {"raw": y, "strict": strict, "lenient": 1.0}, "ungraded": None, "grading": "world",
            "usage": {"tokens_in": 100, "tokens_out": 10, "turns": turns}, "limits": {}, "box": {"runtime": "r", "isolation": "i", "image": "m"},
            "findings": [], "scaffold": {"start": self.version_id("start", start), "end": None if end is None else self.version_id("end", end), "versions": 2},
            "sensors": {}, "coverage": {}, "chain": {"head": "0", "events": 1},
        })  # fmt: skip
        for file, record in (("plan.jsonl", plan), ("ledger.jsonl", line)):
            with (self.path / file).open("a") as out:
                out.write(json.dumps(record.model_dump(mode="json")) + "\n")
