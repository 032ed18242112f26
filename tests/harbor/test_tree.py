"""What of a task's directory makes the task, and that no link leads out of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.errors import Mistake
from tasks.harbor.directory import read
from tasks.harbor.tree import tree_digest


def test_a_link_out_of_the_task_is_refused(public_task: Callable[..., Path]) -> None:
    task = public_task("linked")
    (task / "tests" / "key").symlink_to("/etc/passwd")
    with pytest.raises(Mistake, match="a link that leaves the task: '/etc/passwd'"):
        _ = read(task, offline=False).tree_digest


def test_a_link_within_the_task_may_leave_its_environment(public_task: Callable[..., Path]) -> None:
    task = public_task("linked")
    unlinked = tree_digest(task / "environment", task)
    (task / "environment" / "told.md").symlink_to("../instruction.md")
    assert tree_digest(task / "environment", task) != unlinked
    with pytest.raises(Mistake, match="a link that leaves the task"):
        tree_digest(task / "environment", task / "environment")


def test_the_tree_digest_sees_contents_modes_and_links(public_task: Callable[..., Path]) -> None:
    def digest() -> str:
        return read(task, offline=False).tree_digest

    task = public_task("digested")
    seen = [digest()]
    (task / "tests" / "test.sh").chmod(0o755)
    seen.append(digest())
    (task / "tests" / "again.sh").symlink_to("test.sh")
    seen.append(digest())
    (task / "instruction.md").write_text("Else.")
    seen.append(digest())
    (task / "tests" / "told.md").symlink_to("../told.md")
    for told in ("this", "that"):
        (task / "told.md").write_text(told)
        seen.append(digest())
    assert len(set(seen)) == 6
    assert digest() == seen[-1]


def test_what_lies_beside_a_task_in_its_repository_is_none_of_it(public_task: Callable[..., Path]) -> None:
    task = public_task("checkout")
    before = read(task, offline=False).tree_digest
    for path in (".git/index", "jobs/last/result.json", "README.md"):
        (task / path).parent.mkdir(parents=True, exist_ok=True)
        (task / path).write_text(path)
    (task / ".venv").symlink_to("/usr")
    assert read(task, offline=False).tree_digest == before
    (task / "solution").rename(task / "other")
    (task / "solution").symlink_to("/usr")
    with pytest.raises(Mistake, match="a link that leaves the task: '/usr'"):
        _ = read(task, offline=False).tree_digest
