"""The runner's end of the control connection."""

import socket
import threading
import time
from types import SimpleNamespace


def test_a_host_that_does_not_read_is_waited_for_as_long_as_the_box_may_live(runner: SimpleNamespace) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        end = runner.main.Runner(theirs, theirs, True)
        end.deadline = time.monotonic() + 500
        sending = threading.Thread(target=end.send, args=({"id": 1, "ok": {}}, bytes(2**22)))
        sending.start()
        while (granted := theirs.gettimeout()) is None:
            time.sleep(0.001)
        assert 400 < granted <= 500
        assert sending.is_alive()
        while sending.is_alive():
            ours.recv(2**20)
            sending.join(0.001)


def test_a_host_that_never_reads_again_ends_the_runner_at_its_deadline(runner: SimpleNamespace) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        end = runner.main.Runner(theirs, theirs, True)
        end.deadline = time.monotonic() + 0.1
        try:
            end.send({"id": 1, "ok": {}}, bytes(2**22))
        except TimeoutError:
            return
        raise AssertionError("it was sent")
