"""A real language model on loopback, through the same door and box as any other."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest

from experiments.llm import server
from experiments.llm.installed import HERE, WHEELS_VARIABLE, Installed, portable_wheels
from sandbox.assets import scaffold_files
from sandbox.errors import Mistake
from sandbox.files import manifest_of

LLM = [sys.executable, "-m", "experiments.llm"]


@pytest.fixture
def language_model() -> None:
    """`.venv-llm`; installs it (some 15 s) where the portable wheel is."""
    if not HERE.complete and portable_wheels() is None:
        pytest.skip("llm: no portable wheel of llama-cpp-python here, and compiling it takes 5 minutes")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "home")}


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((server.LOOPBACK, port)) == 0


def line_with(text: str, stream: IO[bytes]) -> bytes:
    return next(line for line in stream if text.encode() in line)


@pytest.mark.box
def test_a_language_model_drives_one_episode_and_leaves_no_server(
    language_model: None, free_port: int, tmp_path: Path, environment: dict[str, str], image: str
) -> None:
    options = ["--runs", str(tmp_path / "runs"), "--json", "--limit", "1", "--set", "limits.turns=2",
               "--set", "tracking.uri=nothing://there"]  # fmt: skip
    done = subprocess.run(
        [*LLM, "--port", str(free_port), *options], env=environment, stdout=subprocess.PIPE, check=False
    )
    result = json.loads(done.stdout)
    assert (done.returncode, result["lost"], result["ungraded"]) == (0, 0, 0)
    [text] = (Path(result["directory"]) / "ledger.jsonl").read_text().splitlines()
    line = json.loads(text)
    assert line["checkpoint"] == {"family": "smollm2", "name": "smollm2", "step": 0}
    assert line["scaffold"]["start"] == manifest_of(scaffold_files("fewshot")).id
    assert line["usage"]["turns"] in (1, 2)
    if line["cause"] == "wall" and line["usage"]["tokens_out"] == 0:
        pytest.skip("llm: this machine is too busy for one reply within the task's 60 s")
    # The demonstrations alone are 500 tokens.
    assert line["usage"]["tokens_in"] > 500
    assert line["usage"]["tokens_out"] > 0
    assert not answers(free_port)


@pytest.mark.parametrize(("blow", "code"), [(signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_the_server_ends_with_the_one_who_started_it(
    language_model: None, free_port: int, environment: dict[str, str], blow: signal.Signals, code: int
) -> None:
    starter = subprocess.Popen(
        [*LLM, "--serve", "--port", str(free_port)], env=environment, stderr=subprocess.PIPE
    )
    assert starter.stderr is not None
    line_with("serving", starter.stderr)
    assert answers(free_port)
    starter.send_signal(blow)
    assert starter.wait(100) == code
    starter.stderr.close()
    while answers(free_port):
        time.sleep(0.1)


def test_a_port_that_is_taken_is_a_mistake_that_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((server.LOOPBACK, 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(Mistake, match=f"port {taken} is taken .*name a free one with --port"):
            server.serving(Installed(tmp_path), taken).__enter__()


def test_the_portable_wheel_is_taken_for_this_machine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WHEELS_VARIABLE, str(tmp_path))
    (tmp_path / "llama_cpp_python-0.3.36-py3-none-linux_mips.whl").touch()
    assert portable_wheels() is None
    (tmp_path / f"llama_cpp_python-0.3.36-py3-none-linux_{os.uname().machine}.whl").touch()
    assert portable_wheels() == tmp_path
