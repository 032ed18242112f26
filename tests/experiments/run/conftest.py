"""A run without containers: real plan, ledger, logs and monitors, and attempts made of paper."""

import contextlib
import json
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.record import rundir
from experiments.record.artefacts import INDEX, KEPT
from experiments.record.durable import put_blob
from experiments.record.identity import SECRET_VARIABLE, Secret, load_secret
from experiments.record.records import EpisodeSpec, LedgerLine
from experiments.running.running import Request, Result, run
from monitors.registry import new_watcher
from sandbox.canonical import canonical, sha256
from sandbox.event_log import EventLog
from tasks.task import load_task

#: What an attempt does: a status, or an exception that its runner dies of.
Behaviour = Callable[[EpisodeSpec], str | BaseException]


def unused_port() -> int:
    """A port of loopback at which nothing listens."""
    while True:
        # Below those that the kernel hands out to whoever asks for any: nobody comes by it meanwhile.
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port := 10_000 + secrets.randbelow(20_000)))
            return port


@pytest.fixture
def free_port() -> int:
    """The same for one test."""
    return unused_port()


@pytest.fixture(scope="session")
def free_ports() -> Callable[[], int]:
    """The same for what needs several."""
    return unused_port


class PaperExecutor:
    """Writes an attempt's real log and ledger line without any box."""

    def __init__(
        self,
        behaviour: Behaviour = lambda spec: "completed",
        slots: int = 3,
        score: Callable[[EpisodeSpec], float] = lambda spec: 0.5,
    ) -> None:
        self.slots = slots
        self._score = score
        self.seen: list[EpisodeSpec] = []
        self.most_at_a_time = 0
        #: Why there are no boxes just now.
        self.without: str | None = None
        self._running = 0
        self._behaviour = behaviour

    async def run(self, spec: EpisodeSpec) -> LedgerLine:
        self.seen.append(spec)
        self._running += 1
        self.most_at_a_time = max(self.most_at_a_time, self._running)
        try:
            does = self._behaviour(spec)
            if isinstance(does, BaseException):
                raise does
            return paper_attempt(spec, does, self._score(spec))
        finally:
            self._running -= 1

    async def lacking(self) -> dict[str, str | None]:
        return {"paper": self.without}


def paper_attempt(spec: EpisodeSpec, status: str, score: float) -> LedgerLine:
    plan = spec.plan
    directory = rundir.attempt_dir(Path(spec.run_dir), plan.episode, spec.attempt)
    (directory / "artefacts").mkdir(parents=True)
    made = f"made in {plan.episode}".encode()
    result, version = ["out.txt", len(made), sha256(made)], _version(b"the scaffold")
    beside = {
        f"{KEPT}/{INDEX}": canonical([["work", *result]]) + b"\n",
        rundir.VERSIONS: canonical(version) + b"\n",
    }
    for name, content in beside.items():
        (directory / name).write_bytes(content)
    for content in (made, b"the scaffold"):
        put_blob(Path(spec.run_dir), content)
    watcher = new_watcher()
    with EventLog(directory / "events.jsonl") as log:
        for name in ("cgroup", "runner"):
            data = {"name": name, "state": "up", "detail": "paper", "lost": 0}
            watcher.feed(log.append("harness", "sensor", data))
        watcher.feed(log.append("scaffold", "scaffold.version", version))
        watcher.feed(log.append("runner", "collected", {"root": "/work", "files": [result], "left": []}))
        if plan.world == 1:
            forged = {"path": "/logs/verifier/reward.json", "box": "agent", "sha256": "ab" * 32}
            watcher.feed(log.append("scorer", "grade.forged", forged))
        end = {"status": status, "cause": None, "refused": False}
        watcher.feed(log.append("harness", "attempt.end", end))
        chain = {"head": log.head, "events": log.count}
    graded = {"raw": score, "strict": score, "lenient": score, "cheats": []}
    return LedgerLine.model_validate(
        {
            "episode": plan.episode, "attempt": spec.attempt, "checkpoint": plan.checkpoint.model_dump(),
            "task": plan.task, "level": plan.level, "arm": plan.arm, "world": plan.world, "status": status,
            "cause": "engine" if status == "infrastructure" else None, "refused": False,
            "score": None if status == "infrastructure" else graded, "ungraded": None, "grading": "world",
            "usage": {}, "limits": plan.limits, "box": {"runtime": "runc", "isolation": "paper", "image": "paper"},
            "findings": [finding.as_json() for finding in watcher.findings],
            "scaffold": {"start": plan.scaffold, "end": plan.scaffold, "versions": 1},
            "sensors": {"cgroup": "up", "runner": "up"}, "coverage": watcher.coverage(), "chain": chain,
            "beside": {name: sha256(content) for name, content in beside.items()},
        }
    )  # fmt: skip


def _version(content: bytes) -> dict[str, Any]:
    """A scaffold of one file."""
    files = [["main.py", "file", 0o644, len(content), sha256(content)]]
    return {"id": sha256(b"paper"), "at": "start", "turn": 0, "files": files}


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite store with tables and nothing in them: making one takes MLflow some 8 s."""
    from experiments.tracking.tracking import connect

    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    connect(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Secret:
    """A secret of this test's own, so that nothing of the user's is read or written."""
    path = tmp_path / "keys" / "secret"
    path.parent.mkdir()
    path.write_bytes(b"0123456789abcdef0123456789abcdef\n")
    monkeypatch.setenv(SECRET_VARIABLE, str(path))
    return load_secret()


@pytest.fixture
def config_file(tmp_path: Path, secret: Secret) -> Path:
    """Two scripted checkpoints at one task: with ``repeats`` worlds, 2 x repeats episodes."""
    agents = load_task("ml/tab").agents("L0")
    path = tmp_path / "config.yaml"
    checkpoints = [{"name": "early", "step": 0, "script": str(agents["null"])}, {"name": "late", "step": 1}]
    family = {
        "family": "script",
        "provider": "scripted",
        "script": str(agents["ref"]),
        "checkpoints": checkpoints,
    }
    # A tracking store that MLflow refuses at once: these tests are not about MLflow.
    document = {
        "suite": "paper", "models": [family], "tasks": ["ml/tab@L0"], "repeats": 2, "policy": "quickstart",
        "tracking": {"uri": "nothing://there"},
    }  # fmt: skip
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def quick_config(config_file: Path, tmp_path: Path) -> Path:
    """The same with agents that compute nothing: the early one ends at once, the late one works for a second."""
    (tmp_path / "late.yaml").write_text(
        json.dumps({"turns": ["```bash\nsleep 1\n```", "```bash\nsubmit\n```"]})
    )
    document = json.loads(config_file.read_text())
    document["models"][0]["script"] = "late.yaml"
    config_file.write_text(json.dumps(document))
    return config_file


RunPaper = Callable[..., Result]


@pytest.fixture
def run_paper(config_file: Path, tmp_path: Path) -> RunPaper:
    """``tidegauge run`` of the paper config: executor, overrides, limit → result."""

    def run_it(
        executor: PaperExecutor | None = None,
        *overrides: str,
        limit: int | None = None,
        said: list[str] | None = None,
    ) -> Result:
        lines = said if said is not None else []
        request = Request(config_file, overrides, tmp_path / "runs", local=True, limit=limit)
        return run(request, lines.append, executor or PaperExecutor())

    return run_it


@pytest.fixture
def paper() -> type[PaperExecutor]:
    """The executor itself, for tests that give it a behaviour."""
    return PaperExecutor
