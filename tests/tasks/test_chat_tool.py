"""The answering tool from L1 on, as a program against the chat solver."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.inner.chat import ChatSolver, Traits
from tasks.inner.chat_service import Allowance, ChatService
from tasks.inner.items import Call, Item
from tasks.inner.seed import plugins, with_chat_tool
from tasks.inner.weak import STYLES
from tests.tasks.doors import serving

TRAITS = Traits({"toll": dict.fromkeys(STYLES, 0.0)}, steady=1.0)
PLAIN = [Item(str(10_000 + i), "toll", f"Ticket {10_000 + i}: which toll?", 500 + i) for i in range(120)]
COUNTED = [
    Item(
        str(20_000 + i), "toll", f"Ticket {20_000 + i}: which toll?", 900 + i,
        calls=(Call("calc", f"{i} * 3 + 1", str(i * 3 + 1)), Call("calc", "-(1)", "error: not whole-number arithmetic")),
    )
    for i in range(3)
]  # fmt: skip


def answered(
    place: Path, items: list[Item], calls: int, votes: int = 1, *tools: str
) -> subprocess.CompletedProcess[str]:
    for file in with_chat_tool((), plugins(*tools)):
        (place / file.path).parent.mkdir(parents=True, exist_ok=True)
        (place / file.path).write_bytes(file.content)
    (place / "config.json").write_text(json.dumps({"answer": {"style": "plain", "votes": votes}}))
    asked = {"split": "heldout", "questions": [item.text for item in items]}
    (place / "q.json").write_text(json.dumps(asked))
    service = ChatService(
        {"heldout": ChatSolver(b"salt", TRAITS, items)}, {"heldout": Allowance(calls, 1_000)}
    )
    with serving(service) as address:
        return subprocess.run(
            [sys.executable, place / "tools/answer.py", place / "q.json", place / "a.json"],
            env={**os.environ, "OPENAI_BASE_URL": address}, timeout=100, text=True, capture_output=True, check=False,
        )  # fmt: skip


def test_it_asks_in_several_requests_and_answers_in_order(tmp_path: Path) -> None:
    assert answered(tmp_path, PLAIN, 3, 3).returncode == 0
    assert json.loads((tmp_path / "a.json").read_text()) == [str(500 + i) for i in range(120)]


def test_it_runs_the_plugins_that_the_solver_calls_until_it_answers(tmp_path: Path) -> None:
    assert answered(tmp_path, COUNTED, 3, 1, "calc").returncode == 0
    assert json.loads((tmp_path / "a.json").read_text()) == ["900", "901", "902"]


def test_it_leaves_no_bytecode_beside_its_plugins(tmp_path: Path) -> None:
    answered(tmp_path, COUNTED, 3, 1, "calc", "units")
    assert sorted(path.name for path in (tmp_path / "tools").rglob("*")) == [
        "answer.py", "calc.py", "plugins", "units.py",
    ]  # fmt: skip


@pytest.mark.parametrize("votes", [2, 20])
def test_it_fails_where_it_asks_for_more_than_is_granted(tmp_path: Path, votes: int) -> None:
    done = answered(tmp_path, PLAIN[:2], votes - 1, votes)
    assert (done.returncode, "429" in done.stderr) == (1, True)
