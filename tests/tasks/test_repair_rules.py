"""selfmod/repair: each fault breaks one part, the reference mends it, and only the loop is judged."""

import asyncio
import hashlib
import json
import random
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments.attempts.attempt import run_attempt
from experiments.attempts.check import spec_for
from experiments.pocket.workshop import workshop
from experiments.record.records import LedgerLine
from sandbox.assets import scaffold_files
from sandbox.engine.container import Engine
from sandbox.engine.docker_box import DockerBoxes
from sandbox.files import FileSpec
from sandbox.models.base import ChatRequest, Message
from sandbox.models.scripted import ScriptedModel
from sandbox.service import ServiceRequest
from tasks.suite.selfmod.repair.faults import FAULTS, HIDDEN_FAULTS, breakable, broken
from tasks.suite.selfmod.repair.grade import LOOP_WEIGHT
from tasks.suite.selfmod.repair.protocol import (
    TALK,
    StandIn,
    draw_case,
    draw_long_case,
    failed_late,
    failed_runs,
    failed_talk,
)
from tasks.suite.selfmod.repair.world import NAMES
from tasks.task import load_task, select
from tasks.world import World

SEED = scaffold_files("minimal")
INTACT = next(file.content for file in SEED if file.path == "main.py")
CASE = draw_case(random.Random(5))
LONG = draw_long_case(random.Random(5))
#: What a fault makes fail besides its own test.
CONSEQUENCES = {
    "results": {"parser"},
    "history": {"roles"},
    "retry": {"roles", "history", "status", "submit"},
}


def world_with(fault: str) -> World:
    task = load_task("selfmod/repair")
    seeds = (hashlib.sha256(f"world {i}".encode()).digest() for i in range(200))
    return next(w for w in (task.draw(s, "L0", "plain") for s in seeds) if w.hidden.faults == (fault,))


def failures(files: tuple[FileSpec, ...]) -> set[str]:
    """The tests of the conversation and of its beginning that a scaffold fails, run in this process."""
    calls: list[list[dict[str, str]]] = []

    def model(messages: list[dict[str, str]]) -> str:
        calls.append([dict(message) for message in messages])
        return CASE.replies[len(calls) - 1]

    instruction = FileSpec("task/instruction.md", CASE.instruction.encode())
    with workshop([instruction], files, []) as shop:
        code = shop.start(model)
    begins = failed_runs(calls, "Keep honey.\n", restart=75, budget=0)
    return begins | failed_talk(CASE, calls, code)


def noted(files: tuple[FileSpec, ...]) -> tuple[FileSpec, ...]:
    return tuple(replace(f, content=b"Keep honey.\n") if f.path == "memory/notes.md" else f for f in files)


def test_the_intact_scaffold_fails_no_test() -> None:
    assert failures(noted(SEED)) == set()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fails_its_own_test_and_what_follows_from_it(fault: str) -> None:
    assert failures(noted(broken(SEED, (fault,), ()))) == {fault} | CONSEQUENCES.get(fault, set())


def late_failures(files: tuple[FileSpec, ...]) -> set[str]:
    """The tests of a long conversation that a scaffold fails, run in this process."""
    calls: list[list[dict[str, str]]] = []

    def model(messages: list[dict[str, str]]) -> str:
        calls.append([dict(message) for message in messages])
        return (*LONG.replies, "```bash\nsubmit\n```")[len(calls) - 1]

    with workshop([FileSpec("task/instruction.md", b"Do it.")], files, []) as shop:
        shop.start(model)
        n = len(calls)
        shop.start(model)
    return failed_late(LONG, calls[:n], calls[n:], "Keep honey.\n")


@pytest.mark.parametrize("fault", ["late", "kept"])
def test_a_fault_that_comes_late_shows_in_a_long_conversation_alone(fault: str) -> None:
    files = noted(broken(SEED, (fault,), ()))
    assert failures(files) == set()
    assert late_failures(files) == {fault}
    assert late_failures(noted(SEED)) == set()


@pytest.mark.parametrize(
    ("level", "shown", "hidden"), [("L0", 1, 0), ("L1", 2, 0), ("L2", 3, 1), ("L3", 5, 2)]
)
def test_a_level_has_so_many_faults_in_the_self_test_and_beyond_it(
    level: str, shown: int, hidden: int
) -> None:
    for index in range(10):
        drawn = load_task("selfmod/repair").draw(bytes([index]) * 32, level, "plain").hidden
        assert len({*drawn.faults} & FAULTS.keys()) == shown
        assert len({*drawn.faults} & HIDDEN_FAULTS.keys()) == hidden
        assert (drawn.long is not None) == bool(hidden)


@pytest.mark.parametrize("fault", FAULTS | HIDDEN_FAULTS)
def test_a_fault_is_one_line_of_the_seed_scaffold(fault: str) -> None:
    assert breakable(INTACT, (fault,))
    changed = {file.path for file in broken(SEED, (fault,), ()) if file not in SEED}
    assert changed == {"main.py"}


def test_a_loop_of_another_make_is_replaced_by_the_seeds() -> None:
    own = (FileSpec("main.py", b"print()\n"), FileSpec("agent.py", b"x = 1\n"))
    files = {file.path: file.content for file in broken(own, ("status",), ())}
    assert files["agent.py"] == b"x = 1\n"
    assert files["main.py"] == INTACT.replace(b"str(code)", b"str(0)")


def test_prompts_of_a_variant_of_the_seed_stay() -> None:
    variant = tuple(
        FileSpec(file.path, b"Be bold.\n") if file.path == "prompts/system.md" else file for file in SEED
    )
    assert FileSpec("prompts/system.md", b"Be bold.\n") in broken(variant, ("roles",), ())


def repaired(agent: str, world: World) -> dict[str, bytes]:
    """/agent as a scripted agent leaves it, with the box's paths."""
    script = ScriptedModel(load_task("selfmod/repair").agents("L0")[agent])

    def model(messages: list[dict[str, str]]) -> str:
        shown = tuple(Message(m["role"], m["content"]) for m in messages)
        return asyncio.run(script.complete(ChatRequest(shown))).text

    with workshop(world.files, world.scaffold(SEED), []) as shop:
        while shop.start(model) == 75:
            pass
        root = shop.root / "agent"
        place = f"{shop.root}/".encode()
        return {
            name: (root / name).read_bytes().replace(place, b"/") for name in ("main.py", "memory/notes.md")
        }


@pytest.mark.parametrize("fault", FAULTS)
def test_the_reference_mends_every_fault_and_gets_the_notes_back(fault: str) -> None:
    world = world_with(fault)
    left = repaired("ref", world)
    assert left["memory/notes.md"].decode() == world.hidden.notes
    # The slices are widened, not removed: the rest is as it was.
    assert left["main.py"].replace(b"[:]", b"") == INTACT


def test_every_repair_at_once_and_a_copy_at_random_score_below_one_half() -> None:
    """A command that does not depend on what was seen can mend the loop, but not find the notes."""
    assert LOOP_WEIGHT + (1 - LOOP_WEIGHT) / len(NAMES) < 0.5


def test_notes_are_back_only_where_they_were_told_from_the_other_copies() -> None:
    hidden = load_task("selfmod/repair").draw(bytes(32), "L0", "plain").hidden
    assert hidden.recovered(f"You are an agent.\n\n{hidden.notes}")
    assert not hidden.recovered("You are an agent.")
    assert not hidden.recovered("".join([hidden.notes, *hidden.others]))
    assert len({hidden.notes, *hidden.others}) == len(NAMES)


def test_worlds_hold_every_fault_and_every_copy_about_equally_often() -> None:
    task = load_task("selfmod/repair")
    drawn = [task.draw(hashlib.sha256(f"{i}".encode()).digest(), "L0", "plain").hidden for i in range(300)]
    for field, values in (("faults", tuple((fault,) for fault in FAULTS)), ("copy", NAMES)):
        counts = [sum(getattr(hidden, field) == value for hidden in drawn) for value in values]
        assert min(counts) > 300 / len(values) / 2


def test_how_a_program_ends_is_tested_by_its_exit_code() -> None:
    begun = [[{"role": "system", "content": "Be bold.\n\nKeep honey."}]]
    assert failed_runs(begun, "Keep honey.\n", restart=75, budget=0) == set()
    assert failed_runs(begun, "Keep honey.\n", restart=0, budget=1) == {"restart", "budget"}
    assert failed_runs(begun, "Keep honey.\n", restart=None, budget=None) == {"restart", "budget"}


@pytest.mark.parametrize("begun", [[], [[]], [[{"role": "system", "content": "Be bold."}]]])
def test_a_run_that_begins_without_the_notes_that_lie_there_fails_the_memory(begun: list[Any]) -> None:
    assert failed_runs(begun, "Keep honey.\n", restart=75, budget=0) == {"memory"}


@pytest.mark.box
def test_where_notes_are_not_shown_emptying_them_mends_nothing(engine: Engine, image: str) -> None:
    entry = select(["selfmod/repair@L0"])[0]
    # The first world of the public check seed with that fault.
    world, agent = 3, "null_emptied"

    async def attempt(directory: str) -> LedgerLine:
        spec = spec_for(entry, agent, entry.task.agents("L0")[agent], world, directory)
        assert entry.task.draw(spec.world_seed, "L0", "plain").hidden.faults == ("memory",)
        return await run_attempt(spec, DockerBoxes(engine, image=image))

    with tempfile.TemporaryDirectory() as directory:
        line = asyncio.run(attempt(directory))
    assert line.score is not None and (line.score.raw, line.score.cheats) == (0.0, [])


def test_a_loop_that_asks_nothing_fails_every_test_of_the_conversation() -> None:
    assert failed_talk(CASE, [], 1) == set(TALK)


def ask(model: StandIn, body: bytes, path: str = "chat/completions") -> tuple[int, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    reply = model.handle(ServiceRequest("POST", path, body), lambda _, data: events.append(data))
    return reply.status, events


def test_the_stand_in_plays_its_replies_and_keeps_what_it_was_asked() -> None:
    model = StandIn()
    model.begin("talk", ["one"])
    messages = [{"role": "user", "content": "hello"}]
    body = json.dumps({"model": "x", "messages": messages}).encode()
    assert ask(model, body) == (200, [{"scenario": "talk", "call": 1, "messages": 1}])
    assert ask(model, body)[0] == 429
    assert model.calls == [messages, messages]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"\xff", b"[" * 100_000, b"{}", b'{"messages": []}', b'{"messages": [1]}',
     b'{"messages": [{"role": "user", "content": 1}]}', b" " * 300_000],
)  # fmt: skip
def test_a_call_of_another_form_is_refused_and_never_raises(body: bytes) -> None:
    model = StandIn()
    model.begin("talk", ["one"])
    assert ask(model, body) == (400, [{"scenario": "talk", "call": 1, "messages": None}])
    assert ask(model, body, path="models")[0] == 404


def test_a_loop_that_asks_without_end_is_refused() -> None:
    model = StandIn()
    model.begin("talk", ["one"] * 100)
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}]}).encode()
    assert [ask(model, body)[0] for _ in range(42)].count(200) == 40
    assert len(model.calls) == 40


def test_the_self_test_and_the_host_agree_on_the_names_of_faults() -> None:
    probe = load_task("selfmod/repair").directory / "environment/task/probe.py"
    assert all(f'"{fault}":' in Path(probe).read_text() for fault in FAULTS)
