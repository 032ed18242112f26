"""The few-shot scaffold: what it adds to the minimal one, and that it adds nothing else."""

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from sandbox.assets import scaffold_files
from sandbox.files import manifest_of

SCAFFOLDS = Path(__file__).parents[2] / "docker" / "scaffolds"
MINIMAL, FEWSHOT = SCAFFOLDS / "minimal", SCAFFOLDS / "fewshot"
SUITE = Path(__file__).parents[2] / "tasks" / "suite"


@pytest.fixture
def scaffold(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FEWSHOT))
    spec = importlib.util.spec_from_file_location("fewshot_main", FEWSHOT / "main.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def functions(source: Path) -> dict[str, str]:
    """Name -> text of every function of a module."""
    text = source.read_text()
    found = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    return {node.name: ast.get_source_segment(text, node) or "" for node in found}


def test_it_is_a_scaffold_of_its_own() -> None:
    ids = {name: manifest_of(scaffold_files(name)).id for name in ("minimal", "fewshot")}
    assert ids["minimal"] != ids["fewshot"]


def test_its_tools_prompts_and_notes_are_those_of_minimal() -> None:
    for path in ("tools/shell.py", "tools/answer.py", "prompts/system.md", "prompts/observation.md",
                 "prompts/no_command.md", "memory/notes.md"):  # fmt: skip
        assert (FEWSHOT / path).read_bytes() == (MINIMAL / path).read_bytes(), path


def test_its_program_differs_from_minimal_in_what_the_model_is_shown_alone() -> None:
    ours, theirs = functions(FEWSHOT / "main.py"), functions(MINIMAL / "main.py")
    assert {name for name in theirs if ours.get(name) != theirs[name]} == {"opening", "main"}
    assert set(ours) - set(theirs) == {"demonstrations", "recent"}


def test_a_demonstration_is_a_task_and_then_replies_and_what_they_showed(
    scaffold: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "2.md").write_text("C\n")
    (tmp_path / "1.md").write_text("Do A.\n---\n```bash\na\n```\n---\nexit 0\nx\n---\n```bash\nsubmit\n```\n")
    assert scaffold.demonstrations(tmp_path) == [
        {"role": "user", "content": "Do A."},
        {"role": "assistant", "content": "```bash\na\n```"},
        {"role": "user", "content": "exit 0\nx"},
        {"role": "assistant", "content": "```bash\nsubmit\n```"},
        {"role": "user", "content": "C"},
    ]


def test_the_demonstrations_stand_between_the_system_prompt_and_the_task(scaffold: ModuleType) -> None:
    shown = [{"role": "user", "content": "A"}, {"role": "assistant", "content": "a"}]
    assert scaffold.opening("Be brief.\n", "", shown, "Do it.\n") == [
        {"role": "system", "content": "Be brief."}, *shown, {"role": "user", "content": "Do it."},
    ]  # fmt: skip


def test_only_the_last_exchanges_are_kept(scaffold: ModuleType) -> None:
    exchanges = [{"role": role, "content": str(n)} for n in range(3) for role in ("assistant", "user")]
    assert scaffold.recent(exchanges, 2) == exchanges[2:]
    assert scaffold.recent(exchanges, 9) == exchanges
    assert scaffold.recent(exchanges, 0) == []


def test_every_shipped_reply_is_one_command_and_every_demonstration_submits(scaffold: ModuleType) -> None:
    folder = FEWSHOT / "prompts" / "demonstrations"
    files = sorted(folder.glob("*.md"))
    assert len(files) == 5
    for path in files:
        parts = path.read_text().split("\n---\n")
        commands = [scaffold.command_in(reply) for reply in parts[1::2]]
        assert len(parts) % 2 == 0 and None not in commands
        assert commands[-1] == "submit"
        assert all(shown.startswith("exit ") for shown in parts[2::2])


def test_no_demonstration_gives_a_task_away(scaffold: ModuleType) -> None:
    """No command of a demonstration is one of a task's scripted agents, and none names a task's file."""
    messages = scaffold.demonstrations(FEWSHOT / "prompts" / "demonstrations")
    text = "\n".join(message["content"] for message in messages)
    agents = "\n".join(path.read_text() for path in SUITE.rglob("agents/*.yaml"))
    answers = {line.strip() for line in re.findall(r"```bash\n(.*?)```", agents, re.DOTALL)} - {"submit"}
    assert answers
    assert not [answer for answer in answers if answer in text]
    named = {path.name for path in SUITE.rglob("environment/*/**/*") if path.is_file()}
    assert {"look.py", "dev.py"} <= named
    assert not [name for name in named if name in text]
