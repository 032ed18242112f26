"""What is read and answered without a parser of all HTTP is what that parser would have made of it."""

from collections.abc import Iterator
from pathlib import Path

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.door.plain import plain_request, plain_response
from sandbox.http import Request, Response

HEAD = b"POST /v1/chat/completions?a=%20 HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nX-Note: a  b:c \r\n"
ASKED = HEAD.replace(b" \r\nX", b"\r\nX").replace(b"c \r\n", b"c\r\n") + b"Content-Length: 3\r\n\r\nabc"
CORPUS = [path.read_bytes() for path in sorted((Path(__file__).parent / "corpus").glob("*.http"))]
LINES = [
    "Host: b", "HOST: c", "Content-Length: 3", "content-length: 0", "Content-Length: 03", "Content-Length: 3, 3",
    "Content-Length: +3", "Transfer-Encoding: chunked", "Connection: close", "Connection: keep-alive", "Expect: 100-continue", "X: é", "X:y",
    "X : y", "X:  y", "X: y ", " folded: x", "X: y\tz", "X: \x7f", "X", "", "X: y\nHost: z", "X: y", "X: z",
]  # fmt: skip
STARTS = [
    "POST /v1/messages HTTP/1.1", "GET /v1/models HTTP/1.1", "GET / HTTP/1.0", "HEAD / HTTP/1.1", "POST /a\tb HTTP/1.1",
    "POST http://a/ HTTP/1.1", "POST /a b HTTP/1.1", "POST /\x80 HTTP/1.1", "post / HTTP/1.1", "GET  / HTTP/1.1",
]  # fmt: skip


def nearly_plain() -> Iterator[bytes]:
    """Requests that are of the plain form but for one line, if at all."""
    yield from (f"{start}\r\nHost: a\r\n\r\n".encode("latin-1") for start in STARTS)
    for line in LINES:
        for others in (["Host: a", "Content-Length: 3"], ["Host: a"], ["Content-Length: 3"]):
            for at in range(len(others) + 1):
                head = [STARTS[0], *others[:at], line, *others[at:], "", ""]
                yield from ("\r\n".join(head).encode("latin-1") + body for body in (b"abc", b""))


def parsed(data: bytes) -> Request:
    """The one request that h11 reads out of ``data``, which has to be all of it."""
    protocol = h11.Connection(h11.SERVER)
    protocol.receive_data(data)
    head, body = protocol.next_event(), b""
    assert isinstance(head, h11.Request)
    while isinstance(event := protocol.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert protocol.trailing_data == (b"", False)
    assert not protocol.they_are_waiting_for_100_continue
    protocol.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
    protocol.send(h11.EndOfMessage())
    assert protocol.our_state is protocol.their_state is h11.DONE  # and another may follow
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
    return Request(head.method.decode("ascii"), head.target.decode("ascii"), headers, body)


def test_a_plain_request_is_read() -> None:
    assert plain_request(ASKED, 8192, ("127.0.0.1", 7)) == Request(
        "POST",
        "/v1/chat/completions?a=%20",
        {"host": "127.0.0.1:8000", "x-note": "a  b:c", "content-length": "3"},
        b"abc",
        ("127.0.0.1", 7),
    )


@pytest.mark.parametrize(
    "data",
    [b"", HEAD, ASKED[:-1], ASKED + b"d", ASKED + ASKED, HEAD + b"Content-Length: 3\r\n\r\nabc", ASKED.replace(b"Host", b"Ghost")],
)  # fmt: skip
def test_what_is_not_whole_or_more_than_one_or_of_another_form_is_not(data: bytes) -> None:
    assert plain_request(data, 8192, None) is None


def test_a_head_beyond_its_bound_is_not_read() -> None:
    head = ASKED.index(b"\r\n\r\n") + 4
    assert plain_request(ASKED, head, None) is not None
    assert plain_request(ASKED, head - 1, None) is None


def test_whatever_is_read_as_plain_is_the_same_to_the_parser() -> None:
    read = [data for data in nearly_plain() if plain_request(data, 8192, None) is not None]
    assert [plain_request(data, 8192, None) for data in read] == [parsed(data) for data in read]
    assert len(read) == 30


@given(st.sampled_from([*CORPUS, ASKED]), st.integers(0, 400), st.binary(max_size=3))
def test_so_it_is_whatever_stands_in_it(data: bytes, at: int, new: bytes) -> None:
    bent = data[:at] + new + data[at:]
    if (request := plain_request(bent, 8192, None)) is not None:
        assert request == parsed(bent)


@pytest.mark.parametrize(
    "response",
    [
        Response(200, (b'{"a": 1}',)),
        Response(429, (b"{}",), headers=(("x-should-retry", "false"),)),
        Response(200, (b"",), "text/plain"),
    ],
)
def test_a_response_in_one_part_is_sent_as_the_parser_sends_it(response: Response) -> None:
    protocol = h11.Connection(h11.SERVER)
    protocol.receive_data(ASKED)
    protocol.next_event()
    headers = [("Content-Type", response.content_type), *response.headers]
    headers.append(("Content-Length", str(len(response.parts[0]))))
    events = [
        h11.Response(status_code=response.status, headers=headers),
        h11.Data(data=response.parts[0]),
        h11.EndOfMessage(),
    ]
    assert plain_response(response) == b"".join(protocol.send(event) or b"" for event in events)


def test_a_response_in_several_parts_is_left_to_the_parser() -> None:
    assert plain_response(Response(200, (b"a", b"b"))) is None
