"""Places of sockets are held by their process and cleared up after it."""

import subprocess
import sys
from pathlib import Path

from sandbox.sockets import socket_directory, sweep_sockets

HOLDER = """
import sys
from sandbox.sockets import socket_directory
with socket_directory() as directory:
    print(directory, flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_holds_is_not() -> None:
    with socket_directory() as mine:
        holder = subprocess.Popen(
            [sys.executable, "-Ic", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert holder.stdout is not None
        theirs = Path(holder.stdout.readline().strip())
        sweep_sockets()
        assert theirs.is_dir()
        holder.kill()
        holder.wait()
        sweep_sockets()
        assert not theirs.exists()
        assert mine.is_dir()
    assert not mine.exists()


def test_a_socket_path_fits_and_only_its_user_may_enter() -> None:
    with socket_directory() as directory:
        assert len(str(directory / "c")) < 108
        assert directory.stat().st_mode & 0o777 == 0o700
