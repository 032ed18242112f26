"""An address behind which no Ray answers is one line within seconds; a client server that does not start is
tried again."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import pytest

from experiments.attempts import ray_connect
from experiments.attempts.ray_connect import check_answers
from sandbox.errors import Mistake

Listen = Callable[[bytes | None], int]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Listens on loopback, and answers with these bytes and the end; with None, never."""
    sockets: list[socket.socket] = []

    def start(said: bytes | None) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)

        def answer() -> None:
            other, _ = listener.accept()
            if said is None:
                sockets.append(other)
                return
            other.sendall(said)
            other.shutdown(socket.SHUT_WR)
            other.recv(1024)
            other.close()

        threading.Thread(target=answer, daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    yield start
    for one in sockets:
        one.close()


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "http://127.0.0.1:{}"])
@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("nobody", "no cluster answers at ADDRESS (Connection refused); start one with `ray start --head`, or write null"),
        (None, "no cluster answers at ADDRESS (timed out); start one with `ray start --head`, or write null"),
        (b"220 mail.example.org ESMTP\r\n", "what answers at ADDRESS does not speak PROTOCOL; write HEAD:6379, "
         "ray://HEAD:10001 or http://HEAD:8265, with the ports of `ray start --head`"),
        (b"", "what answers at ADDRESS does not speak PROTOCOL; write HEAD:6379, "
         "ray://HEAD:10001 or http://HEAD:8265, with the ports of `ray start --head`"),
    ],
)  # fmt: skip
def test_what_is_no_ray_is_said_in_one_line(
    form: str, said: Any, problem: str, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    if said is None:
        monkeypatch.setattr(ray_connect, "_ANSWER_SECONDS", 0.2)
    address = form.format(1 if said == "nobody" else listen(said))
    with pytest.raises(Mistake) as caught:
        check_answers(address)
    protocol = "HTTP" if form.startswith("http") else "gRPC"
    expected = problem.replace("ADDRESS", address).replace("PROTOCOL", protocol)
    assert str(caught.value) == f"Ray: ray.address: {expected}"


def test_the_servers_of_a_web_and_of_grpc_are_told_apart(listen: Listen) -> None:
    web, settings = b"HTTP/1.1 404 Not Found\r\n\r\n", bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
    check_answers(f"http://127.0.0.1:{listen(web)}")
    check_answers(f"127.0.0.1:{listen(settings)}")
    with pytest.raises(Mistake, match="does not speak gRPC"):
        check_answers(f"ray://127.0.0.1:{listen(web)}")
    with pytest.raises(Mistake, match="does not speak HTTP"):
        check_answers(f"http://127.0.0.1:{listen(settings)}")


@pytest.mark.parametrize(
    "address",
    ["cluster", "ray://head", "redis://head:1", "head:99999", ":6379", "http://me:pass@head:8265", ""],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Mistake) as caught:
        check_answers(address)
    assert str(caught.value) == (
        f"Ray: ray.address: {address!r} is no address; write host:port, ray://host:port or http://host:port"
    )


@pytest.fixture
def broken_client_server() -> Iterator[tuple[str, list[str]]]:
    """Ray's client server on loopback where the process for a client never starts, and who came."""
    import grpc
    from ray.core.generated import ray_client_pb2, ray_client_pb2_grpc

    came: list[str] = []

    class Driver(ray_client_pb2_grpc.RayletDriverServicer):  # type: ignore[misc]
        def ClusterInfo(self, request: Any, context: Any) -> Any:
            return ray_client_pb2.ClusterInfoResponse(json="{}")

    class Data(ray_client_pb2_grpc.RayletDataStreamerServicer):  # type: ignore[misc]
        def Datapath(self, requests: Any, context: Any) -> Iterator[Any]:
            first = next(requests)
            came.append(dict(context.invocation_metadata())["client_id"])
            said = "Traceback (most recent call last):\nRuntimeError: Starting Ray client server failed.\n"
            refusal = ray_client_pb2.InitResponse(ok=False, msg=said)
            yield ray_client_pb2.DataResponse(req_id=first.req_id, init=refusal)
            # As the real one does, for a while.
            list(requests)

    server = grpc.server(futures.ThreadPoolExecutor(4))
    ray_client_pb2_grpc.add_RayletDriverServicer_to_server(Driver(), server)
    ray_client_pb2_grpc.add_RayletDataStreamerServicer_to_server(Data(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"ray://127.0.0.1:{port}", came
    server.stop(None).wait()


#: In a process of its own: Ray's client changes the one it was once used in.
CONNECTING = """
import json, sys
from experiments.attempts.ray_connect import check_answers, connect
from sandbox.errors import Mistake
said = []
check_answers(sys.argv[1])
try:
    connect(sys.argv[1], 1, said.append)
except Mistake as mistake:
    print(json.dumps([said, str(mistake)]))
"""


def test_a_client_server_that_does_not_start_is_tried_three_times(
    broken_client_server: tuple[str, list[str]],
) -> None:
    address, came = broken_client_server
    done = subprocess.run(
        [sys.executable, "-Ic", CONNECTING, address],
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    again = "Ray: its client server did not start (RuntimeError: Starting Ray client server failed); connecting again"
    assert json.loads(done.stdout) == [
        [again, again],
        "Ray: ray.address: its client server does not start: RuntimeError: Starting Ray client server failed; "
        "set GRPC_ENABLE_FORK_SUPPORT=0 before `ray start --head` there, or write host:port",
    ]
    assert len(set(came)) == 3
