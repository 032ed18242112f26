"""How an episode ends, and what is recorded of it: on fake boxes, with the real door and log."""

import asyncio
import gc
import http.client
import json
import re
import socket
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from monitors.registry import new_watcher
from sandbox.box import Completed, Usage
from sandbox.episode import standstill
from sandbox.episode.episode import Episode
from sandbox.episode.outcome import EpisodeRequest, Outcome
from sandbox.errors import ModelFault
from sandbox.event_log import EventLog
from sandbox.events import Event, read_events
from sandbox.fake import FakeBox, FakeBoxes, Program
from sandbox.fate import EngineEvent
from sandbox.files import FileSpec
from sandbox.findings import Finding, Severity
from sandbox.limits import Limits
from sandbox.models.base import ChatReply, ChatRequest, Model
from sandbox.recorder import Ending, Recorder

LIMITS = Limits(wall=60, turns=2, cpu_time=5)


@dataclass
class Echo:
    """A model that answers at once; ``fault`` makes it fail."""

    digest: str = "echo"
    tools: bool = False
    fault: bool = False
    refused: bool = False

    async def complete(self, request: ChatRequest) -> ChatReply:
        if self.fault:
            raise ModelFault("upstream answered 500")
        return ChatReply("hello", 3, 2, refused=self.refused)


@dataclass
class Ran:
    """An episode that ended, with its log."""

    outcome: Outcome
    events: list[Event]
    kept: list[bytes] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event.data for event in self.events if event.kind == kind]


def ended(code: int | None = 0, signal: int | None = None, stdout: bytes = b"") -> Completed:
    return Completed(code, signal, stdout, b"")


async def ask(box: FakeBox) -> int:
    """One model call through the real door; its HTTP status."""

    def call() -> int:
        connection = http.client.HTTPConnection("door")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(box.door))
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
        connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        status = connection.getresponse().status
        connection.close()
        return status

    return await asyncio.to_thread(call)


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., Ran]:
    """Plays an episode whose agent is ``program``."""

    def run(program: Program, limits: Limits = LIMITS, model: Model | None = None, **options: Any) -> Ran:
        kept: list[bytes] = []

        async def main() -> Outcome:
            ending = Ending()
            with EventLog(tmp_path / "events.jsonl") as log:
                recorder = Recorder(log, options.get("observer") or new_watcher(), limits, ending)
                request = EpisodeRequest(
                    "fake", {"owner": "test"}, limits, model or Echo(), {},
                    (FileSpec("main.py", b"print()\n"),), (FileSpec("task/instruction.md", b"do"),),
                    require_sensors=options.get("require", ()),
                )  # fmt: skip
                boxes = FakeBoxes(program, refuse=options.get("refuse", 0))
                return await Episode(request, boxes, recorder, ending, kept.append).run()

        outcome = asyncio.run(main())
        return Ran(outcome, list(read_events(tmp_path / "events.jsonl")), kept)

    return run


Play = Callable[..., Ran]


def test_a_scaffold_that_exits_0_completes(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        assert await ask(box) == 200
        return ended(stdout=b"done")

    ran = play(program)
    assert (ran.outcome.status, ran.outcome.cause) == ("completed", None)
    assert ran.of("output") == [{"stream": "stdout", "text": "done", "bytes": 4}]
    assert (ran.outcome.usage["turns"], ran.outcome.usage["tokens_in"], ran.outcome.usage["tokens_out"]) == (
        1,
        3,
        2,
    )


@pytest.mark.parametrize(
    ("code", "signal", "cause"), [(3, None, "scaffold: exit 3"), (None, 9, "scaffold: signal 9")]
)
def test_a_scaffold_that_fails_is_an_agent_error(
    play: Play, code: int | None, signal: int | None, cause: str
) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        return ended(code, signal)

    ran = play(program)
    assert (ran.outcome.status, ran.outcome.cause) == ("agent_error", cause)


@dataclass
class Waiting(Echo):
    """A model whose endpoint makes every call wait."""

    async def complete(self, request: ChatRequest) -> ChatReply:
        with request.wait.counted():
            await asyncio.sleep(60)
        return ChatReply("late", 1, 1)


def test_time_that_ran_out_waiting_for_the_endpoint_is_no_result_of_the_agents(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        await ask(box)
        return ended()

    ran = play(program, Limits(wall=1, cpu_time=1), Waiting())
    assert ran.outcome.status == "infrastructure"
    assert re.fullmatch(
        r"model: \d\.\d s of the wall limit went into waiting for the endpoint", ran.outcome.cause or ""
    )


def test_exit_75_restarts_with_the_edited_scaffold_and_each_version_is_kept(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        if box.starts == 1:
            await box.put("/agent", [FileSpec("main.py", b"better\n")])
            return ended(75)
        return ended()

    ran = play(program)
    assert ran.outcome.status == "completed"
    assert [version["at"] for version in ran.of("scaffold.version")] == ["start", "restart", "end"]
    assert ran.kept == [b"print()\n", b"better\n"]
    assert [f.content for f in ran.outcome.scaffold_start] == [b"print()\n"]
    assert [f.content for f in ran.outcome.scaffold_end] == [b"better\n"]


def test_restarts_are_bounded(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        return ended(75)

    assert play(program).outcome.cause == "scaffold: more than 10 restarts"


def test_an_edit_shows_at_the_next_model_call_while_it_is_held(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        await box.put("/agent", [FileSpec("main.py", b"edited\n")])
        await ask(box)
        return ended()

    ran = play(program)
    kinds = [event.kind for event in ran.events]
    calls = [version for version in ran.of("scaffold.version") if version["at"] == "call"]
    assert [version["turn"] for version in calls] == [1]
    assert (
        kinds.index("model.call")
        < kinds.index("scaffold.version", kinds.index("model.call"))
        < kinds.index("model.reply")
    )


def test_a_spent_turn_budget_is_a_limit_even_if_the_scaffold_then_exits_0(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        statuses = [await ask(box) for _ in range(3)]
        assert statuses == [200, 200, 429]
        return ended()

    ran = play(program)
    assert (ran.outcome.status, ran.outcome.cause) == ("limit", "turns")
    assert ran.of("limit") == [{"limit": "turns", "granted": 2, "used": 2}]


def test_a_spent_token_budget_is_a_limit(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        await ask(box)
        return ended()

    ran = play(program, replace(LIMITS, model_tokens=4))
    assert (ran.outcome.status, ran.outcome.cause) == ("limit", "model_tokens")


def test_wall_time_is_a_limit(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        await asyncio.sleep(60)
        return ended()

    ran = play(program, replace(LIMITS, wall=0.2, cpu_time=0.1))
    assert (ran.outcome.status, ran.outcome.cause) == ("limit", "wall")


def test_cpu_time_is_a_limit_and_a_finding(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        box.used = Usage(cpu_us=6_000_000, processes=3)
        await asyncio.sleep(60)
        return ended()

    watcher = new_watcher()
    ran = play(program, observer=watcher)
    assert (ran.outcome.status, ran.outcome.cause) == ("limit", "cpu_time")
    assert ran.outcome.usage["cpu_s"] == 6.0
    assert [finding.code for finding in watcher.findings] == ["resource.cpu"]


def test_output_beyond_the_grant_is_a_limit(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        return ended(stdout=b"x" * 2000)

    ran = play(program, replace(LIMITS, output=1000))
    assert (ran.outcome.status, ran.outcome.cause) == ("limit", "output")


@pytest.mark.parametrize(
    ("left", "roots"), [({}, ["/work", "/logs"]), ({"x/a.py": b"1"}, ["/work", "/logs", "/tmp"])]
)
def test_what_lies_in_tmp_at_the_end_is_taken_and_an_empty_one_says_nothing(
    play: Play, left: dict[str, bytes], roots: list[str]
) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        await box.put("/tmp", [FileSpec(path, content) for path, content in left.items()])
        return ended()

    ran = play(program)
    assert ran.outcome.temporary.files == left
    assert [data["root"] for data in ran.of("collected")] == roots


def test_a_full_record_is_a_limit_and_what_it_could_not_take_is_counted_as_lost(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        for number in range(100):
            box.report("process", {"pid": number, "ppid": 1, "started": 1, "argv": ["x"]})
        await asyncio.sleep(60)
        return ended()

    ran = play(program, replace(LIMITS, events=50))
    assert (ran.outcome.status, ran.outcome.cause) == ("limit", "events")
    assert len(ran.of("process")) < 50


def test_a_model_that_fails_is_infrastructure_and_never_the_agents(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        assert await ask(box) == 503
        await asyncio.sleep(60)
        return ended(1)

    ran = play(program, model=Echo(fault=True))
    assert (ran.outcome.status, ran.outcome.cause) == ("infrastructure", "model: upstream answered 500")


def test_an_engine_that_refuses_is_infrastructure(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        return ended()

    ran = play(program, refuse=1)
    assert (ran.outcome.status, ran.outcome.cause) == ("infrastructure", "engine: the engine refused")


def test_without_a_required_sensor_the_episode_does_not_begin(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        raise AssertionError("nothing may run")

    ran = play(program, require=("cgroup", "kernel"))
    assert ran.outcome.status == "infrastructure"
    assert ran.outcome.cause == "sensor: required sensor kernel is absent: this version has none"


def test_a_box_killed_from_outside_is_infrastructure(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        box.die(killed=True)
        await asyncio.sleep(60)
        return ended()

    ran = play(program)
    assert (ran.outcome.status, ran.outcome.cause) == (
        "infrastructure",
        "engine: the container was killed from outside",
    )
    assert [data["action"] for data in ran.of("engine.event")][:2] == ["kill", "die"]


def test_a_box_that_dies_with_its_engine_is_infrastructure(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        box.fate.tell_away()
        box.die()
        await asyncio.sleep(10)
        return ended()

    ran = play(program)
    assert (ran.outcome.status, ran.outcome.cause) == ("infrastructure", "engine: the engine went away")


def test_what_the_engine_says_of_a_living_box_is_recorded_and_ends_nothing(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        box.fate.tell(EngineEvent("oom"))
        box.fate.tell_away()
        await asyncio.sleep(0.1)
        return ended()

    ran = play(program)
    assert ran.outcome.status == "completed"
    assert [data["action"] for data in ran.of("engine.event")] == ["oom", "away"]


def test_a_box_that_dies_by_itself_is_the_agents_and_buys_no_retry(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        box.die()
        await asyncio.sleep(60)
        return ended()

    ran = play(program)
    assert (ran.outcome.status, ran.outcome.cause) == ("agent_error", "box: the box ended")


@pytest.mark.parametrize(
    ("stands", "code", "ending"),
    [
        (True, 1, ("infrastructure", "standstill: this process stood still for N s")),
        (False, 1, ("agent_error", "scaffold: exit 1")),
        # What was done all the same counts.
        (True, 0, ("completed", None)),
    ],
)
def test_what_fails_while_our_own_process_stands_still_is_not_the_agents(
    play: Play, monkeypatch: pytest.MonkeyPatch, stands: bool, code: int, ending: tuple[str, str | None]
) -> None:
    if stands:
        monkeypatch.setattr(standstill, "STANDSTILL_SECONDS", 0.8)
        monkeypatch.setattr(standstill, "_TICK_SECONDS", 0.05)

    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        if stands:
            time.sleep(1)
        return ended(code)

    ran = play(program)
    cause = ran.outcome.cause and re.sub(r"for \d+ s$", "for N s", ran.outcome.cause)
    assert (ran.outcome.status, cause) == ending


def test_wall_time_that_passed_while_our_own_process_stood_still_is_not_the_agents(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standstill, "STANDSTILL_SECONDS", 0.8)
    monkeypatch.setattr(standstill, "_TICK_SECONDS", 0.05)

    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        time.sleep(1)
        await asyncio.sleep(60)
        return ended()

    ran = play(program, replace(LIMITS, wall=0.9, cpu_time=0.1))
    assert ran.outcome.status == "infrastructure"
    assert [data["limit"] for data in ran.of("limit")] == ["wall"]


def test_a_refusal_by_the_model_completes_and_is_told(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        await ask(box)
        return ended()

    ran = play(program, model=Echo(refused=True))
    assert (ran.outcome.status, ran.outcome.refused) == ("completed", True)


def test_a_finding_of_severity_3_stops_the_episode_at_once(play: Play) -> None:
    class Strict:
        def feed(self, event: Event) -> list[Finding]:
            if event.kind != "process":
                return []
            return [Finding("scaffold.edit", Severity.STOP, event.t, (event.seq,), "seen")]

    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        box.report("process", {"pid": 2, "ppid": 1, "started": 1, "argv": ["x"]})
        await asyncio.sleep(60)
        return ended()

    ran = play(program, observer=Strict())
    assert (ran.outcome.status, ran.outcome.cause) == ("stopped", "scaffold.edit")
    assert ran.of("stop") == [
        {"code": "scaffold.edit", "seq": next(e.seq for e in ran.events if e.kind == "process")}
    ]


def test_what_the_runner_reports_last_is_recorded_although_the_ending_was_reached(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        for number in range(50):
            box.report("process", {"pid": number, "ppid": 1, "started": 1, "argv": ["x"]})
        return ended()

    assert [data["pid"] for data in play(program).of("process")] == list(range(50))


def test_the_life_of_a_box_is_recorded_before_it_is_created_and_after_it_is_gone(play: Play) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        return ended()

    ran = play(program)
    kinds = [event.kind for event in ran.events]
    assert kinds[0] == "box.create"
    assert kinds[-1] == "box.down"
    assert [(s["name"], s["state"]) for s in ran.of("sensor")] == [
        ("cgroup", "up"),
        ("runner", "up"),
        ("notify", "up"),
        ("dns", "up"),
        ("files", "up"),
        ("callers", "up"),
        ("opened", "up"),
        ("scaffold", "up"),
    ]


def test_an_episode_that_ended_is_let_go_of_without_a_collector_of_cycles(tmp_path: Path) -> None:
    async def program(box: FakeBox, argv: Sequence[str]) -> Completed:
        assert await ask(box) == 200
        return ended()

    async def main() -> Callable[[], Recorder | None]:
        ending = Ending()
        with EventLog(tmp_path / "events.jsonl") as log:
            recorder = Recorder(log, new_watcher(), LIMITS, ending)
            request = EpisodeRequest(
                "fake", {"owner": "test"}, LIMITS, Echo(), {}, (FileSpec("main.py", b""),), ()
            )
            await Episode(request, FakeBoxes(program), recorder, ending, lambda _: None).run()
            recorder.dismiss()
        return weakref.ref(recorder)

    gc.disable()
    try:
        left = asyncio.run(main())
        assert left() is None
    finally:
        gc.enable()
