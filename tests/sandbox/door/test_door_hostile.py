"""What a hostile client can send to a door, and what it gets."""

import re

import pytest

from sandbox.http import Bounds

CHAT = b'{"messages": [{"role": "user", "content": "Hi"}]}'


def post(body, *headers, path=b"/v1/chat/completions"):
    lines = [b"POST " + path + b" HTTP/1.1", b"Host: door", *headers]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


def statuses(answer):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def reasons(door):
    return [refused["reason"] for refused in door.events("model.refused")]


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        (b"\x00\x01\x02\r\n\r\n", 400, "malformed_http"),
        (b"GET / http/1.1\r\nHost: d\r\n\r\n", 400, "malformed_http"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "malformed_http"),
        (b"POST /v1/messages HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\nab", 400, "malformed_http"),
        (b"POST / HTTP/1.1\r\nHost: d\r\nContent-Length: -1\r\n\r\n", 400, "malformed_http"),
        (
            b"POST / HTTP/1.1\r\nHost: d\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
            400,
            "malformed_http",
        ),
        (b"POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 4194305\r\n\r\n", 413, "body_too_large"),
        (b"POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "malformed_http"),
        (b"POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "malformed_http"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: d\r\n\r\n", 431, "head_too_large"),
        (b"GET / HTTP/1.1\r\nHost: d\r\n" + b"a: b\r\n" * 5000 + b"\r\n", 431, "head_too_large"),
        (b"GET / HTTP/1.1\r\nHost: d\r\na: " + b"b" * 100_000, 431, "head_too_large"),
        (b"GET http://other/v1/models HTTP/1.1\r\nHost: d\r\n\r\n", 404, "not_found"),
        (b"CONNECT other:80 HTTP/1.1\r\nHost: d\r\n\r\n", 404, "not_found"),
        (b"OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n", 404, "not_found"),
    ],
)
def test_each_malformed_request_gets_a_named_refusal_and_the_door_lives(doorway, sent, status, reason):
    with doorway("ok") as door:
        assert statuses(door.exchange(sent)) == [status]
        assert reasons(door) == [reason]
        assert door.chat()[0] == 200
        assert door.door.fault is None


def test_a_chunked_body_counts_by_its_sum(doorway):
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (CHAT[:9], CHAT[9:]))
    with doorway("ok") as door:
        assert statuses(door.exchange(head + chunks + b"0\r\n\r\n")) == [200]
        assert statuses(door.exchange(head, *[b"100000\r\n" + b" " * 2**20 + b"\r\n"] * 5)) == [413]
        assert reasons(door) == ["body_too_large"]


def test_a_body_in_too_many_pieces_is_refused(doorway):
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n"
    with doorway("ok") as door:
        assert statuses(door.exchange(head + b"1\r\n \r\n" * 5000 + b"0\r\n\r\n")) == [413]
        assert reasons(door) == ["too_many_pieces"]


def test_a_client_still_sending_when_it_is_refused_gets_its_answer(doorway):
    with doorway("ok") as door:
        assert door.post_raw("/v1/chat/completions", b" " * 5_000_000)[0] == 413


def test_a_body_of_just_the_bound_is_served(doorway):
    with doorway("ok") as door:
        assert door.post_raw("/v1/chat/completions", CHAT.ljust(4 * 2**20))[0] == 200


def test_bodies_are_bounded_in_their_sum_and_room_is_given_back(doorway):
    with doorway("ok", bounds=Bounds(buffered=100_000)) as door:
        holder = door.socket()
        holder.sendall(post(b" " * 60_000)[:-1])
        door.until(lambda: door.door._server.buffered > 50_000)
        assert door.post_raw("/v1/chat/completions", CHAT.ljust(60_000))[0] == 503
        holder.sendall(b" ")
        assert statuses(holder.recv(65536)) == [400]
        assert door.post_raw("/v1/chat/completions", CHAT.ljust(90_000))[0] == 200
        assert door.door._server.buffered == 0


def test_pipelined_requests_are_answered_in_order(doorway):
    with doorway("ok") as door:
        answer = door.exchange(post(CHAT) + post(b"{}") + post(CHAT, b"Connection: close") + post(CHAT))
    assert statuses(answer) == [200, 400, 200]
    assert re.findall(rb'"id":"(chatcmpl-\d)"', answer) == [b"chatcmpl-1", b"chatcmpl-2"]


def test_a_connection_is_kept_for_further_requests(doorway):
    with doorway("ok") as door:
        client = door.client()
        for _ in range(3):
            client.request("POST", "/v1/chat/completions", CHAT)
            first = client.sock
            assert client.getresponse().read().startswith(b'{"id":"chatcmpl-')
            assert client.sock is first


def test_a_streamed_reply_to_http_1_0_ends_with_the_connection(doorway):
    body = CHAT[:-1] + b', "stream": true}'
    sent = post(body).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    with doorway("ok") as door:
        answer = door.exchange(sent)
    assert b"chunked" not in answer
    assert answer.endswith(b"data: [DONE]\n\n")


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(doorway):
    head, _, body = post(CHAT, b"Expect: 100-continue").partition(b"\r\n\r\n")
    with doorway("ok") as door:
        sock = door.socket()
        sock.sendall(head + b"\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
        sock.sendall(body)
        assert statuses(sock.recv(65536)) == [200]


def test_a_slow_request_is_refused_after_its_time(doorway):
    with doorway("ok", bounds=Bounds(receive=0.1)) as door:
        sock = door.socket()
        sock.sendall(post(CHAT)[:-1])
        assert statuses(sock.recv(65536)) == [408]
        assert reasons(door) == ["too_slow"]


def test_a_silent_connection_is_closed_without_a_word(doorway):
    with doorway("ok", bounds=Bounds(idle=0.1)) as door:
        assert door.socket().recv(1) == b""
        assert door.events("model.refused") == []


def test_a_client_that_stops_reading_is_dropped_and_blocks_nobody(doorway):
    with doorway("x" * 2_000_000, bounds=Bounds(send=1.0)) as door:
        sock = door.socket()
        sock.sendall(post(CHAT) * 3)
        assert door.chat()[0] == 200
        door.until(lambda: not door.door._server._tasks)
        # The first reply never fitted the kernel's buffer, so no further one was begun.
        assert len(door.events("model.call")) == 2
        assert door.door.fault is None


def test_one_connection_too_many_is_turned_away(doorway):
    with doorway("ok", bounds=Bounds(connections=2)) as door:
        clients = [door.client() for _ in range(2)]
        for client in clients:
            client.request("POST", "/v1/chat/completions", CHAT)
            client.getresponse().read()
        assert statuses(door.exchange()) == [503]
        assert reasons(door) == ["too_many_connections"]
        clients[0].close()
        door.until(lambda: len(door.door._server._tasks) == 1)
        assert door.chat()[0] == 200


def test_refusals_beyond_a_thousand_are_counted_and_answered_slowly(doorway):
    with doorway("ok") as door:
        client = door.client()
        for _ in range(1003):
            client.request("GET", "/nothing")
            assert client.getresponse().read()
        assert len(door.events("model.refused")) == 1000
        assert door.door.refusals == 1003


def test_what_the_client_sent_is_not_echoed_in_a_refusal(doorway):
    with doorway("ok") as door:
        answer = door.exchange(b"GET /<script>alert(1)</script> HTTP/1.1\r\nHost: d\r\n\r\n")
    assert b"script" not in answer


class Turns:
    """Counts the turns that everybody else has on a door's loop."""

    def __init__(self, door):
        self._door, self.had = door, 0
        door.loop.call_soon_threadsafe(self._turn)

    def _turn(self):
        self.had += 1
        if self._door.loop.is_running():
            self._door.loop.call_soon(self._turn)


def test_others_have_their_turn_between_any_two_requests_that_arrive_at_once(doorway):
    with doorway("ok") as door:
        turns = Turns(door)
        answer = door.exchange(b"GET /v1/models HTTP/1.1\r\nHost: d\r\n\r\n" * 500)
        assert statuses(answer) == [200] * 500
        assert turns.had >= 500


def test_others_have_their_turn_while_a_body_of_many_parts_is_read(doorway):
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n"
    with doorway("ok") as door:
        turns = Turns(door)
        assert statuses(door.exchange(head + b"1\r\n \r\n" * 4000 + b"0\r\n\r\n")) == [400]
        assert turns.had >= 4000 // 32


def test_one_box_s_flood_leaves_the_loop_to_the_others(doorway):
    with doorway("ok", bounds=Bounds(share=1e-6, burst=6000.0)) as door:
        sock = door.socket()
        sock.sendall(b"GET /v1/models HTTP/1.1\r\nHost: d\r\n\r\n" * 50)
        answer = sock.recv(65536)
        # At such a share the connection weighs 300 s and each request 150 s and more: the 39th is beyond the burst.
        sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            while True:
                answer += sock.recv(65536)
        assert set(statuses(answer)) == {200}
        assert len(statuses(answer)) < 39
        assert door.door.fault is None


def test_what_looking_through_a_request_costs_counts_towards_the_box_s_share(doorway):
    def look(where, content, what):
        sum(range(10**6))

    with doorway("ok", look=look, bounds=Bounds(share=1e-6, burst=600.0)) as door:
        sock = door.socket()
        sock.sendall(b"GET /v1/models HTTP/1.1\r\nHost: d\r\n\r\n")
        # At such a share the millisecond that it takes at least weighs 1,000 s.
        sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            sock.recv(65536)
        assert door.door.fault is None
