"""A runner that the agent had taken over: whatever it says is a value of the expected form or a named fault."""

import asyncio
import contextlib
import json
import os
import socket
import struct
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.box import BoxInfo, Completed, Killed
from sandbox.engine.docker_box import DockerBox
from sandbox.engine.images import Images
from sandbox.engine.making import Made
from sandbox.errors import BoxDied, BoxFault
from sandbox.fate import Fate
from sandbox.files import Collection, Manifest
from sandbox.link import reports
from sandbox.link.frames import MAX_BODY, MAX_HEADER, PROTOCOL
from sandbox.link.link import Link
from sandbox.sensors.cgroup import CgroupSensor
from sandbox.sensors.notify import NotifySensor

Ask = Callable[[DockerBox], Awaitable[Any]]

HELLO = {"hello": PROTOCOL, "canary": True, "notify": None, "dns": None}
DISK = 2**20
#: What is asked, and what an honest runner would answer.
ASKED: dict[str, tuple[Ask, type, list[tuple[dict[str, Any], bytes]]]] = {
    "run": (
        lambda box: box.run(["true"], cwd="/", env={}, output=100), Completed,
        [({"seen": "program.start", "data": {"argv": ["true"], "pid": 7}}, b""),
         ({"output": 1, "stream": "stdout", "full": False}, b"text"),
         ({"id": 1, "ok": {"code": 0, "signal": None, "truncated": False}}, b"")],
    ),
    "manifest": (
        lambda box: box.manifest("/agent"), Manifest,
        [({"seen": "scaffold.changed", "data": {"paths": [["d/f", ["written"], 2]], "more": 0}}, b""),
         ({"id": 1, "ok": {"entries": [["d", "dir", 493, 0, None], ["d/f", "file", 420, 1, "0" * 64],
                                       ["l", "link", 511, 1, "x"]], "incomplete": None}}, b"")],
    ),
    "collect": (
        lambda box: box.collect("/work", max_bytes=1000, max_files=10), Collection,
        [({"piece": 1, "path": "a"}, b"one"), ({"piece": 1, "path": "a"}, b"two"), ({"piece": 1, "path": "b"}, b"b"),
         ({"id": 1, "ok": {"files": [["a", 6], ["b", 1]], "left": [["c", "too large"]]}}, b"")],
    ),
    "kill": (
        lambda box: box.kill_all(), Killed,
        [({"seen": "disk.full", "data": {"path": "/work", "what": "bytes", "used": 1, "size": 1}}, b""),
         ({"id": 1, "ok": {"processes": 3, "left": [[7, ["sleep", "9"]]], "lost": {"runner": 0, "dns": 2}}}, b"")],
    ),
}  # fmt: skip

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.integers(), st.just(10**400), st.floats(),
    st.text(max_size=3), st.sampled_from(["\ud800", "..", "/etc", "a/../b", "", "\0", "x" * 20_000, "0" * 64]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["id", "ok", "error", "seen", "data", "output", "piece", "path"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=6,
)


@st.composite
def bent(draw: st.DrawFn, value: Any) -> Any:
    """``value`` with something in it replaced, dropped or added."""
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(value)))
        rest = {name: inner for name, inner in value.items() if name != key}
        return rest if draw(st.integers(0, 5)) == 0 else {**rest, key: draw(bent(value[key]))}
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        place = draw(st.integers(0, len(value) - 1))
        again = [draw(bent(value[place]))] * draw(st.integers(0, 2))
        return [*value[:place], *again, *value[place + 1 :]]
    return draw(VALUES)


def frame(header: Any, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("!II", len(text), len(body)) + text + body


@st.composite
def conversations(draw: st.DrawFn) -> tuple[str, bytes]:
    """What is asked, and what comes back: an honest answer with some of it bent, or no frames at all."""
    name = draw(st.sampled_from(sorted(ASKED)))
    sent = []
    for header, body in ASKED[name][2]:
        how = draw(
            st.sampled_from(["honest", "honest", "bent", "body", "twice", "dropped", "raw", "lengths"])
        )
        if how == "bent":
            sent.append(frame(draw(bent(header)), body))
        elif how == "body":
            sent.append(frame(header, draw(st.binary(max_size=200))))
        elif how == "raw":
            sent.append(frame(draw(st.one_of(st.binary(max_size=20), st.sampled_from([
                b"[" * 100_000, b'{"id":' * 50_000, b"NaN", b'{"id": 1, "ok": Infinity}', b"{}", b"[]", b"\xff",
                b'{"id": 1e999}', b'{"seen": "process", "data": NaN}', b'{"id": ' + b"9" * 5000 + b"}",
            ])))))  # fmt: skip
        elif how == "lengths":
            sent.append(struct.pack("!II", draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 2**32 - 1))))
        elif how != "dropped":
            sent += [frame(header, body)] * (2 if how == "twice" else 1)
    said = b"".join(sent)
    return name, said[: draw(st.integers(0, len(said)))] if draw(st.integers(0, 4)) == 0 else said


async def talk(said: bytes, ask: Ask, *, hello: bytes | None = None) -> tuple[Any, Link]:
    """What comes of a question to a runner that says ``said`` and closes: its value or its fault."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    link = Link(reader, writer)
    handing, handed = socket.socketpair(socket.AF_UNIX)
    notify = NotifySensor(handed, link.tell)

    async def speak() -> None:
        await loop.sock_sendall(theirs, said)
        theirs.shutdown(socket.SHUT_WR)

    with theirs:
        await loop.sock_sendall(theirs, frame(HELLO) if hello is None else hello)
        if hello is not None:
            theirs.shutdown(socket.SHUT_WR)
        try:
            opened = await link.hello(deadline=60, mounts=[], rlimits={})
            notify.prove("not asked for")
            cgroup = CgroupSensor(os.getpid())
            cgroup.close()
            images = Images(None, contextlib.nullcontext, lambda call: None)
            made = Made(
                "c", Fate(), link, cgroup, notify, None, opened, Path("door"), 1, DISK, link.close, images
            )
            box = DockerBox(BoxInfo("r", "i", "i"), made)
            asking = asyncio.ensure_future(ask(box))
            await asyncio.sleep(0)
            speaking = asyncio.ensure_future(speak())
            try:
                return await asyncio.wait_for(asking, 20), link
            except BoxFault as fault:
                return fault, link
            finally:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)
        except BoxFault as fault:
            return fault, link
        finally:
            notify.close()
            handing.close()
            await link.close()


def outcome(said: bytes, ask: Ask, **options: Any) -> tuple[Any, Link]:
    return asyncio.run(talk(said, ask, **options))


@pytest.mark.parametrize("name", sorted(ASKED))
def test_an_honest_answer_is_taken(name: str) -> None:
    ask, kind, frames = ASKED[name]
    value, link = outcome(b"".join(frame(*each) for each in frames), ask)
    assert isinstance(value, kind)
    assert len(link.reports.drain()) == (0 if name == "collect" else 1)
    if isinstance(value, Collection):
        assert (dict(value.files), value.left) == ({"a": b"onetwo", "b": b"b"}, (("c", "too large"),))


@settings(max_examples=300, deadline=None)
@given(conversations())
def test_whatever_a_runner_says_is_a_value_or_a_named_fault(conversation: tuple[str, bytes]) -> None:
    name, said = conversation
    ask, kind, _ = ASKED[name]
    value, link = outcome(said, ask)
    assert isinstance(value, kind | BoxFault)
    assert str(value)
    if isinstance(value, Collection):
        assert sum(len(content) for content in value.files.values()) <= 1000
    elif isinstance(value, Manifest):
        json.dumps(value.as_json(), default=repr, allow_nan=False)
    elif isinstance(value, Completed):
        assert max(len(value.stdout), len(value.stderr)) <= 100
    for seen in link.reports.drain():
        json.dumps(seen.data, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.binary(max_size=30), VALUES.map(frame), bent(HELLO).map(frame)))
def test_a_first_word_is_understood_or_is_a_named_fault(hello: bytes) -> None:
    value, _ = outcome(b"", lambda box: box.kill_all(), hello=hello)
    assert isinstance(value, BoxFault)
    assert str(value)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (struct.pack("!II", MAX_HEADER + 1, 0), "a frame that is too large"),
        (struct.pack("!II", 2, MAX_BODY + 1) + b"{}", "a frame that is too large"),
        (frame(b"[" * 100_000), "not JSON"),
        (frame({"id": 1, "ok": {"processes": 10**30, "lost": {}}}), "not JSON"),
        (frame({"id": [], "ok": {}}), "belongs to no request"),
        (frame({"id": True, "ok": {}}), "belongs to no request"),
        (frame({"seen": "attempt.end", "data": {}}), "unknown kind"),
        (frame({"seen": "process", "data": {"pid": 1, "ppid": 1, "started": 1, "argv": [1]}}), "report of process has no form"),
        (frame({"output": 1, "stream": "stdout", "full": False}, b"x"), "more output than was asked for"),
        (frame({"piece": 1, "path": "a"}, b"x"), "a piece that nobody asked for"),
    ],
)  # fmt: skip
def test_a_runner_that_breaks_the_protocol_has_ended_its_box(said: bytes, cause: str) -> None:
    value, link = outcome(said, lambda box: box.kill_all())
    assert isinstance(value, BoxDied)
    assert cause in str(value)
    assert link.dead == str(value)


@pytest.mark.parametrize("path", ["", "/etc/passwd", "..", "a/../../b", "a//b", "a/.", "a\0", "x" * 10_001])
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    for files, left in ([[path, 0]], []), ([], [[path, "why"]]):
        said = frame({"id": 1, "ok": {"files": files, "left": left}})
        value, _ = outcome(said, lambda box: box.collect("/work", max_bytes=1, max_files=1))
        assert (type(value), str(value)) == (BoxFault, "the runner named a path that is none")


def test_a_flood_of_reports_is_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MOST", 100)
    one = frame({"seen": "process", "data": {"pid": 1, "ppid": 1, "started": 1, "argv": ["x"]}})

    async def ask(box: DockerBox) -> dict[str, int]:
        assert await box.kill_all() == Killed(3, ((7, ["sleep"]),))
        return box.lost

    answer = {"processes": 3, "left": [[7, ["sleep"]]], "lost": {"runner": 7}}
    value, link = outcome(one * 250 + frame({"id": 1, "ok": answer}), ask)
    assert (value, len(link.reports.drain())) == ({"runner": 157, "notify": 0}, 100)


def test_a_flood_of_long_reports_is_bounded_in_memory() -> None:
    said = (
        frame({"seen": "process", "data": {"pid": 1, "ppid": 1, "started": 1, "argv": ["x" * 100_000]}}) * 300
    )
    tracemalloc.start()
    _, link = outcome(said, lambda box: box.kill_all())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12 * 2**20
    assert len(link.reports.drain()) < 90
