"""Whatever bytes a client sends, it gets whole HTTP responses or an end, and the host keeps its head.

``corpus/`` holds requests of every kind, one a file; they are bent, cut, spliced and interleaved.
"""

import contextlib
import json
import re
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from sandbox.http import Bounds

CORPUS = [path.read_bytes() for path in sorted((Path(__file__).parent / "corpus").glob("*.http"))]
BOUNDS = Bounds(
    buffered=2**20, body=2**18, connections=4, idle=0.2, receive=0.2, send=0.2, share=1.0, burst=1e6
)
OFTEN = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "tool_calls", "name", "call_id", "id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
FIELDS = [
    "messages", "model", "system", "stream", "max_tokens", "n", "stream_options", "max_completion_tokens",
    "input", "instructions", "tools", "tool_choice",
]  # fmt: skip


@st.composite
def bent(draw):
    """A request of the corpus with some of its bytes cut out, doubled, moved or replaced, in segments."""
    data = draw(st.sampled_from(CORPUS))
    for _ in range(draw(st.integers(0, 3))):
        at, to = sorted(draw(st.integers(0, len(data))) for _ in range(2))
        new = draw(
            st.just(b"")
            | st.binary(max_size=8)
            | st.just(data[at:to] * 2)
            | st.sampled_from(CORPUS)
            | st.sampled_from(
                [b"\r\n", b"\n", b"\0", b"[" * 999, b"9" * 99, b"NaN", b"\xff", b"Content-Length: 1\r\n"]
            )
        )
        data = data[:at] + new + data[to:]
    cuts = sorted({draw(st.integers(0, len(data))) for _ in range(draw(st.integers(0, 3)))})
    return [data[i:j] for i, j in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def whole_responses(answer: bytes, sent: bytes) -> int:
    """How many responses ``answer`` is; fails if it is anything but whole responses.

    A response to HEAD has no body, and one that ends with its connection no length.
    """
    count = 0
    while answer:
        head, gap, rest = answer.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.1 (\d{3}) [^\r\n]*(\r\n[!-9;-~]+: [^\r\n]*)*$", head)
        assert gap, answer
        assert status, head
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if status[1] == b"100":
            answer = rest
            continue
        count += 1
        if length and b"HEAD" in sent and not rest.startswith(b"{"):
            answer = rest
        elif length:
            assert len(rest) >= int(length[1])
            json.loads(rest[: int(length[1])])
            answer = rest[int(length[1]) :]
        elif b"chunked" in head:
            chunks = re.match(rb"([0-9a-f]+\r\n(?s:.*?)\r\n)*?0\r\n\r\n", rest)
            assert chunks, rest
            answer = rest[chunks.end() :]
        else:
            answer = b""
    return count


@pytest.fixture
def noted(monkeypatch):
    """What the event loop complained of."""
    complaints = []
    monkeypatch.setattr(
        "asyncio.base_events.logger.error", lambda *told, **more: complaints.append((told, more))
    )
    monkeypatch.setattr(
        "asyncio.base_events.logger.warning", lambda *told, **more: complaints.append((told, more))
    )
    return complaints


def test_any_bytes_get_whole_responses_or_an_end(doorway, noted):
    with doorway("ok", tools=True, heard=True, bounds=BOUNDS, model_tokens=10**12, turns=10**9) as door:

        @OFTEN
        @given(bent())
        def attack(pieces):
            # A door that has refused and closed does not take what is left.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                whole_responses(door.exchange(*pieces), b"".join(pieces))
            assert door.door.fault is None

        attack()
        door.until(lambda: not door.door._server._tasks)
        assert door.door._server.buffered == 0
        assert door.chat()[0] == 200
    assert noted == []


@pytest.mark.parametrize("seed", CORPUS)
def test_the_corpus_itself_is_answered(doorway, seed):
    with doorway("ok", tools=True, heard=True) as door:
        assert whole_responses(door.exchange(seed), seed) >= 1
        assert door.door.fault is None


def test_any_json_is_answered_or_refused_as_what_it_is(doorway):
    with doorway("ok", tools=True, heard=True) as door:
        client = door.client()

        @settings(OFTEN, max_examples=120)
        @given(
            st.dictionaries(st.sampled_from(FIELDS), JSON),
            st.sampled_from(["/v1/chat/completions", "/v1/messages", "/v1/responses"]),
        )
        def attack(value, path):
            client.request("POST", path, json.dumps(value).encode())
            response = client.getresponse()
            response.read()
            assert response.status in (200, 400)

        attack()
        assert door.door.fault is None


def test_clients_that_come_stall_and_go_as_they_like_leave_nothing_behind(doorway, noted):
    with doorway("ok", tools=True, heard=True, bounds=BOUNDS, model_tokens=10**12, turns=10**9) as door:

        class Clients(RuleBasedStateMachine):
            def __init__(self):
                super().__init__()
                self.open = []

            @rule()
            def come(self):
                # Where too many wait already the kernel turns one away, and nobody needs to know.
                with contextlib.suppress(BlockingIOError):
                    self.open.append(door.socket())

            @rule(pieces=bent(), which=st.integers(0, 9))
            def say(self, pieces, which):
                if self.open:
                    sock = self.open[which % len(self.open)]
                    sock.setblocking(False)
                    with contextlib.suppress(OSError):
                        sock.send(pieces[0])

            @rule(which=st.integers(0, 9), how=st.sampled_from([socket.SHUT_WR, socket.SHUT_RD, None]))
            def go(self, which, how):
                if self.open and how is None:
                    self.open.pop(which % len(self.open)).close()
                elif self.open:
                    with contextlib.suppress(OSError):
                        self.open[which % len(self.open)].shutdown(how)

            @invariant()
            def bounded(self):
                assert door.door.fault is None
                assert 0 <= door.door._server.buffered <= BOUNDS.buffered

            def teardown(self):
                for sock in self.open:
                    sock.close()

        run_state_machine_as_test(Clients, settings=settings(OFTEN, max_examples=25, stateful_step_count=25))
        door.until(lambda: not door.door._server._tasks)
        assert door.door._server.buffered == 0
        assert door.chat()[0] == 200
    assert noted == []
