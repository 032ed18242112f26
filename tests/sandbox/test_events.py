"""The chained log: what is stored, and that no edit of it goes unseen."""

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sandbox.canonical import canonical
from sandbox.event_log import EventLog
from sandbox.events import GENESIS, BrokenLine, Event, read_events

KILLED = ("runner", "killed", {"processes": 2})
FORGED = ("scorer", "grade.forged", {"path": "/logs/verifier/ü.json", "box": "agent", "sha256": "a" * 64})
REPLY = ("gateway", "model.reply", {"turn": 1, "text": 'a "quoted"\nline', "tokens_in": 1.5})


def write(path: Path, *facts: tuple[str, str, dict[str, Any]]) -> list[Event]:
    with EventLog(path) as log:
        return [log.append(*fact) for fact in facts]


def failure(path: Path, content: bytes) -> tuple[int, str]:
    """Line and reason for which the log ``content`` is refused."""
    path.write_bytes(content)
    with pytest.raises(BrokenLine) as caught:
        list(read_events(path))
    return caught.value.line, caught.value.reason


def chained(**changes: Any) -> bytes:
    """One stored line with ``changes`` made before it is hashed: only its form is wrong."""
    body = {"data": {}, "kind": "killed", "prev": GENESIS, "seq": 0, "source": "runner", "t": 1, **changes}
    stored = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    full = {"hash": hashlib.sha256(stored.encode()).hexdigest(), **body}
    return json.dumps(full, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def holding(number: bytes) -> bytes:
    """One stored line whose data is ``{"x": number}``, written in that form."""
    tail = b',"kind":"killed","prev":"%s","seq":0,"source":"runner","t":1}' % GENESIS.encode()
    body = b'{"data":{"x":%s}' % number
    return b'%s,"hash":"%s"%s\n' % (body, hashlib.sha256(body + tail).hexdigest().encode(), tail)


def test_the_stored_line_is_canonical_and_hashes_all_but_its_hash(tmp_path: Path) -> None:
    [event] = write(tmp_path / "log", KILLED)
    body = f'{{"data":{{"processes":2}},"kind":"killed","prev":"{"0" * 64}","seq":0,"source":"runner","t":{event.t}}}'
    digest = hashlib.sha256(body.encode()).hexdigest()
    expected = body.replace(',"kind"', f',"hash":"{digest}","kind"') + "\n"
    assert (tmp_path / "log").read_bytes() == expected.encode()


def test_what_is_read_back_is_what_was_appended(tmp_path: Path) -> None:
    events = write(tmp_path / "log", KILLED, FORGED, REPLY)
    assert list(read_events(tmp_path / "log")) == events
    assert [event.seq for event in events] == [0, 1, 2]
    assert [event.prev for event in events] == [GENESIS, events[0].hash, events[1].hash]


def test_keys_that_are_no_text_are_stored_in_the_order_of_what_replaces_them(tmp_path: Path) -> None:
    # "\ud800" sorts behind "a"; "?", which is stored for it, before.
    [event] = write(tmp_path / "log", ("runner", "killed", {"a": 1, "\ud800": 2}))
    assert b'{"?":2,"a":1}' in (tmp_path / "log").read_bytes()
    assert list(read_events(tmp_path / "log")) == [event]


def test_the_log_knows_its_head_its_count_and_its_size(tmp_path: Path) -> None:
    with EventLog(tmp_path / "log") as log:
        assert (log.head, log.count, log.size) == (GENESIS, 0, 0)
        last = [log.append(*KILLED), log.append(*FORGED)][-1]
        assert (log.head, log.count) == (last.hash, 2)
    assert log.size == (tmp_path / "log").stat().st_size


@pytest.mark.parametrize("depth", [150, 300])
def test_facts_are_read_however_deep_they_are_nested(tmp_path: Path, depth: int) -> None:
    deep: Any = []
    for _ in range(depth):
        deep = [deep]
    [event] = write(tmp_path / "log", ("runner", "killed", {"processes": 0, "left": deep}))
    assert list(read_events(tmp_path / "log")) == [event]


def test_an_empty_log_has_no_events(tmp_path: Path) -> None:
    write(tmp_path / "log")
    assert list(read_events(tmp_path / "log")) == []


def test_a_log_is_never_written_over(tmp_path: Path) -> None:
    write(tmp_path / "log", KILLED)
    with pytest.raises(FileExistsError):
        EventLog(tmp_path / "log")


def test_a_source_may_report_only_its_own_kinds(tmp_path: Path) -> None:
    with EventLog(tmp_path / "log") as log, pytest.raises(KeyError, match="gateway does not report killed"):
        log.append("gateway", "killed", {})


def test_what_observers_see_is_what_is_stored(tmp_path: Path) -> None:
    data = {"argv": ("a", b"b", b"\xff"), "pid": "\ud800"}
    [event] = write(tmp_path / "log", ("runner", "program.start", data))
    assert event.data == {"argv": ["a", "b", {"b64": "/w=="}], "pid": "?"}


def test_a_long_field_is_cut_and_keeps_its_length_and_digest(tmp_path: Path) -> None:
    text = "ü" * 5_000
    facts = ("runner", "output", {"stream": "stdout", "text": text, "bytes": [b"\xff" + b"x" * 8_000]})
    [event] = write(tmp_path / "log", facts)
    assert event.data["text"] == {
        "cut": "ü" * 4_000, "bytes": 10_000, "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }  # fmt: skip
    assert (event.data["bytes"][0]["cut"], event.data["bytes"][0]["bytes"]) == ("x" * 7_999, 8_001)


def test_a_field_of_exactly_the_bound_is_kept(tmp_path: Path) -> None:
    texts = ["x" * 8_000, "ü" * 4_000]
    [event] = write(tmp_path / "log", ("runner", "program.start", {"argv": texts, "pid": 1}))
    assert event.data["argv"] == texts


def test_a_character_is_not_cut_in_half(tmp_path: Path) -> None:
    [event] = write(tmp_path / "log", ("runner", "output", {"text": "x" + "€" * 3_000}))
    assert event.data["text"]["cut"] == "x" + "€" * 2_666


def test_a_torn_end_is_an_error_unless_the_writer_died(tmp_path: Path) -> None:
    events = write(tmp_path / "log", KILLED, FORGED)
    content = (tmp_path / "log").read_bytes()
    for cut in (1, 60, len(events[1].line()) - 1):
        assert failure(tmp_path / "torn", content[:-cut]) == (2, "the last line is torn")
        assert list(read_events(tmp_path / "torn", torn_end=True)) == events[:1]


def test_removed_doubled_and_swapped_lines_are_found_where_they_lie(tmp_path: Path) -> None:
    write(tmp_path / "log", KILLED, FORGED, REPLY)
    a, b, c = (tmp_path / "log").read_bytes().splitlines(keepends=True)
    assert failure(tmp_path / "x", a + c) == (2, "seq is 2, expected 1")
    assert failure(tmp_path / "x", a + b + b + c) == (3, "seq is 1, expected 2")
    assert failure(tmp_path / "x", b + a + c) == (1, "seq is 1, expected 0")


def test_a_line_hashed_anew_breaks_the_chain_at_the_next_one(tmp_path: Path) -> None:
    write(tmp_path / "log", KILLED, FORGED)
    second = (tmp_path / "log").read_bytes().splitlines(keepends=True)[1]
    assert failure(tmp_path / "x", chained(t=7) + second) == (2, "prev is not the hash of the line before")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"\n", "not JSON"),
        (b"\xff\xfe\n", "not JSON"),
        (b"[" * 200_000 + b"\n", "not JSON"),
        (chained(data={"x": float("nan")}), "not JSON"),
        (chained().replace(b'"data":{}', b'"data":{"x":1e999}'), "not canonical JSON"),
        (b"[1]\n", "not an event: needs exactly seq, t, source, kind, data, prev, hash"),
        (chained(more=1), "not an event: needs exactly seq, t, source, kind, data, prev, hash"),
        (chained(seq=False), "seq is not int"),
        (chained(t=1.0), "t is not int"),
        (chained(t=-1), "t is negative"),
        (chained(hash="0" * 63), "hash does not match the line"),
        (chained(data=[]), "data is not dict"),
        (chained(kind="new"), "unknown event runner/new"),
        (chained(source="gateway"), "unknown event gateway/killed"),
        (chained().replace(b":", b": ", 1), "not canonical JSON"),
        (chained().replace(b'"t":1', b'"t":1,"t":1'), "not canonical JSON"),
        (chained().replace(b'"t":1', b'"t":2'), "hash does not match the line"),
        (chained(prev="1" * 64), "prev is not the hash of the line before"),
    ],
)
def test_a_line_of_another_form_is_refused_with_its_reason(tmp_path: Path, line: bytes, reason: str) -> None:
    assert failure(tmp_path / "log", line) == (1, reason)


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(1e-05)
@example(1.5e-07)
@example(0.0001)
@example(1e16)
@example(5e-324)
@example(-0.0)
def test_a_number_is_read_in_its_canonical_form_only(number: float) -> None:
    with TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        log.write_bytes(holding(json.dumps(number).encode()))
        assert [event.data for event in read_events(log)] == [{"x": number}]
        for other in {b"%.17e" % number, b"%.40f" % number, orjson.dumps(number)} - {
            json.dumps(number).encode()
        }:
            assert failure(log, holding(other)) == (1, "not canonical JSON")


def test_a_log_in_our_form_by_another_program_is_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(chained())
    assert [event.kind for event in read_events(tmp_path / "log")] == ["killed"]


def test_a_broken_line_says_where_in_one_line() -> None:
    assert str(BrokenLine("a/events.jsonl", 3, "not JSON")) == "a/events.jsonl:3: not JSON"


@given(st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_edit_of_a_single_byte_is_found(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "log"
    if not path.exists():
        write(path, KILLED, FORGED, REPLY)
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != content[place]))
    line, _ = failure(tmp_path / "edited", content[:place] + bytes([byte]) + content[place + 1 :])
    # A joined pair of lines is found at the first of them, every other edit on its own line.
    assert line == content[:place].count(b"\n") + 1


@given(st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_removed_or_inserted_stretch_is_found_or_cuts_whole_lines_off_the_end(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "log"
    events = list(read_events(path)) if path.exists() else write(path, KILLED, FORGED, REPLY)
    content = path.read_bytes()
    begin = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(begin, len(content)))
    put = data.draw(st.one_of(st.just(b""), st.binary(max_size=12), st.just(content[begin:end] * 2)))
    (tmp_path / "edited").write_bytes(content[:begin] + put + content[end:])
    try:
        left = list(read_events(tmp_path / "edited"))
    except BrokenLine:
        return
    # What a chain alone cannot show: its head and count are anchored elsewhere.
    assert left == events[: len(left)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_canonical_json_is_what_the_standard_library_writes_with_sorted_keys_and_no_spaces(
    value: Any,
) -> None:
    plain = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical(value) == plain.encode("utf-8")


@given(st.dictionaries(st.text(), JSON, max_size=4), st.binary(max_size=30))
def test_what_was_written_is_read_and_no_other_bytes_are(value: dict[str, Any], raw: bytes) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "events.jsonl"
        with EventLog(path) as log:
            written = log.append("harness", "box.down", {"name": value, "cause": raw})
        assert [event.line() for event in read_events(path)] == [written.line()] == [path.read_bytes()]
        # The same facts in another form: a space, a key twice, a number with an exponent, an escaped letter.
        for old, new in (
            (b":", b": "),
            (b'"cause":', b'"cause":0,"cause":'),
            (b'"t":', b'"t":1e1'),
            (b"harness", b"h\\u0061rness"),
        ):
            path.write_bytes(written.line().replace(old, new, 1))
            with pytest.raises(BrokenLine):
                list(read_events(path))
